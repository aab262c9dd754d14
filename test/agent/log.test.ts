import fc from 'fast-check';
import t from 'tap';
import { jsonLog } from '../../agent/log.ts';
import type { LogEntry } from '../../agent/log-entry.ts';
import { createLogLimit } from '../../agent/log-limit.ts';

const MINUTE_MS = 60_000;

/** What is written of so many messages, one every `everyMs`, each under the name that `from` gives it. */
function flood(count: number, everyMs: number, from: (index: number) => string) {
  const limit = createLogLimit();
  const written: LogEntry[] = [];
  for (let index = 0; index < count; index += 1)
    written.push(...limit.take({ event: 'garbage', from: from(index), reason: 'rubbish' }, index * everyMs));
  return { written: [...written, ...limit.rest()], limit };
}
const told = (entries: readonly LogEntry[]) =>
  entries.reduce((sum, entry) => sum + (typeof entry.more === 'number' ? entry.more : 1), 0);

t.test('a flood by one stranger is five lines, and then a count a minute', async (t) => {
  const { written } = flood(40_000, 6, () => 'mallory');
  t.equal(written.length, 5 + 4, 'four minutes of it');
  t.ok(written.slice(0, 5).every((entry) => entry.reason === 'rubbish' && entry.more === undefined));
  t.strictSame(written[5], { event: 'garbage', from: 'mallory', more: 9_995 });
  t.equal(told(written), 40_000, 'none is told twice or not at all');
});

t.test('nor are ever new names a way around it', async (t) => {
  const { written } = flood(40_000, 6, (index) => `mallory ${index}`);
  t.ok(written.length <= 9 * 5 * 4, `${written.length} lines in four minutes`);
  t.equal(told(written), 40_000);
  t.ok(written.some(({ from, more }) => from === undefined && Number(more) > 1_000));
});

t.test('one is not counted for another, and a quiet minute makes all new', async (t) => {
  const { limit } = flood(20, 1, () => 'mallory');
  const honest = { event: 'garbage', from: 'alice', reason: 'a slip' };
  t.strictSame(limit.take(honest, 100), [honest]);
  t.strictSame(limit.take({ ...honest, event: 'provider-dropped', provider: 'mallory' }, 100).length, 1);
  t.strictSame(limit.due(MINUTE_MS), [{ event: 'garbage', from: 'mallory', more: 15 }]);
  t.strictSame(limit.due(2 * MINUTE_MS), []);
  const again = { ...honest, from: 'mallory' };
  t.strictSame(limit.take(again, 2 * MINUTE_MS), [again]);
});

t.test('what matters is told whatever else there is, and everything else is told or counted', async (t) => {
  const events = ['garbage', 'votes-in-doubt', 'node-failed', 'mqtt-lost', 'snapshot-failed', 'stopped'];
  const event = fc.constantFrom(...events);
  const entry = fc.record({
    event,
    from: fc.constantFrom('a', 'b', 'c'),
    afterMs: fc.integer({ min: 0, max: 20_000 }),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 200 }), (all) => {
      const limit = createLogLimit();
      let nowMs = 0;
      const written: LogEntry[] = [];
      for (const { afterMs, ...line } of all) {
        nowMs += afterMs;
        written.push(...limit.take(line, nowMs));
      }
      written.push(...limit.rest());
      for (const name of events) {
        const ofIt = written.filter((line) => line.event === name);
        t.equal(told(ofIt), all.filter((line) => line.event === name).length);
        if (name !== 'garbage' && name !== 'mqtt-lost') t.notOk(ofIt.some(({ more }) => more !== undefined));
      }
    }),
    { numRuns: 100 },
  );
});

t.test('counts go before the last line', async (t) => {
  const lines: string[] = [];
  const log = jsonLog((line) => lines.push(line), { level: 'info', fields: { home: 'h' }, nowMs: () => 0 });
  for (let time = 0; time < 8; time += 1) log({ event: 'garbage', from: 'mallory', reason: 'rubbish' });
  log({ event: 'stopped', reason: 'SIGTERM' });
  t.match(
    lines.slice(5).map((line) => JSON.parse(line)),
    [
      { home: 'h', event: 'garbage', from: 'mallory', more: 3 },
      { event: 'stopped', reason: 'SIGTERM' },
    ],
  );
});
