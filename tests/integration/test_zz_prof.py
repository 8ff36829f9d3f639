import time, collections, json
from tests.integration.test_audit_command import *
from infra.auditing import *
from infra import auditing
from sinks.clickhouse import ClickHouse
def test_profile(fed_home, writer):
    stats = collections.Counter(); times = collections.Counter()
    orig = ClickHouse._run
    def run(self, statement, *a, **k):
        t = time.perf_counter()
        try: return orig(self, statement, *a, **k)
        finally:
            key = ' '.join(statement.split())[:80]; stats[key]+=1; times[key]+=time.perf_counter()-t
    ClickHouse._run = run
    for m in MUCH:
        t=time.time(); damage(writer, m); print(m, time.time()-t)
    print(writer.rows("select table, count(), sum(rows), uniqExact(partition) from system.parts where active and database like 'checkline%' group by table order by 2 desc limit 8"))
    def timed(name, fn):
        stats.clear(); times.clear(); c=time.process_time(); t=time.perf_counter(); r = fn()
        print(name, sum(stats.values()), round(time.perf_counter()-t,2), "own cpu", round(time.process_time()-c,2), flush=True)
        for k, v in times.most_common(9): print("   ", stats[k], round(v,3), k)
        return r
    scope = Scope(everything=True)
    r = timed("repair", lambda: repair_home(fed_home.home, scope, progress=lambda x: print(x, time.strftime("%X"))))
    print(len(r.plan.ranges), len(r.done), len(r.left))
    f = timed("audit", lambda: audit_home(fed_home.home, scope))
    ClickHouse._run = orig
