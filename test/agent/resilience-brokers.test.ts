import t from 'tap';
import type { AgentStatus } from '../../agent/diagnostics/status.ts';
import { run } from '../peers/processes.ts';
import { openStreet, type StreetHome, untilAll } from './street.ts';

t.setTimeout(170_000);

const SLOTS = 10;
const isUnderway = ({ phase }: AgentStatus) => ['delivering', 'settling', 'done'].includes(phase);

/** The ledger goes on: two blocks more at every home, in which each has had something to say. */
async function goesOn(homes: readonly StreetHome[], what: string) {
  const before = await Promise.all(homes.map((home) => home.status()));
  const highest = Math.max(...before.map(({ ledger }) => ledger.height));
  return untilAll(homes, what, ({ ledger }) => ledger.height >= highest + 2);
}

t.test('a day on which of two brokers one is killed, then the other frozen', async (t) => {
  const street = await openStreet(t, { slots: SLOTS, brokers: 2 });
  const { homes } = street;
  const [one, other] = street.brokers as [(typeof street.brokers)[0], (typeof street.brokers)[0]];
  await Promise.all(homes.map((home) => home.start()));
  await street.tellEvening();
  const upAt = (index: number) => (status: AgentStatus) => status.brokers[index]?.connected === true;
  await untilAll(homes, 'both brokers are reached', (status) => upAt(0)(status) && upAt(1)(status));

  // While homes trade.
  await untilAll([homes[0]!], 'rounds have begun', ({ rounds }) => rounds.length >= 1);
  await one.kill();
  await untilAll(homes, 'the day is agreed upon', isUnderway);
  street.tellDay();
  for (const { ledger, brokers } of await goesOn(homes, 'blocks go on with one broker killed')) {
    t.ok(ledger.connected, 'one is enough');
    t.match(brokers[0], { connected: false, problem: { code: /^DRIVERS_CONNECTION_(REFUSED|LOST)$/ } });
    t.match(brokers[1], { connected: true, url: other.url, counters: { dropped: 0, losses: 0 } });
  }
  const shown = await run(process.execPath, [
    ...['dist/agent/cli/main.js', 'status', '--config', homes[0]!.place.configFile],
  ]);
  t.match(shown.stdout, new RegExp(`broker +${one.url} not reached since .*Z;[^]*\\[DRIVERS_CONNECTION_`));
  t.match(shown.stdout, new RegExp(`broker +${other.url} connected since .*Z`));

  await one.start();
  await untilAll(homes, 'it is reached again', upAt(0));
  process.kill(other.pid(), 'SIGSTOP');
  t.teardown(() => process.kill(other.pid(), 'SIGCONT'));
  await goesOn(homes, 'blocks go on with the other frozen');
  await street.untilSlot(SLOTS);
  await untilAll(homes, 'the day is settled', ({ phase }) => phase === 'done', 90_000);
  await untilAll(homes, 'nothing is left to tell', ({ ledger }) => ledger.pending === 0);
  for (const { home, realised } of await Promise.all(homes.map((home) => home.status())))
    t.equal(realised.slots, SLOTS, `${home} has metered every slot`);
  const { deliveryByHome } = await homes[0]!.session();
  for (const [home, counts] of Object.entries(deliveryByHome)) t.equal(counts.pending, 0, home);

  const stopped = Promise.all(homes.map((home) => home.stop()));
  t.same(await stopped, ['0', '0', '0', '0'], 'they stop while one is frozen, too');
  const all = Array.from({ length: SLOTS }, (_, slot) => slot);
  for (const home of homes) t.same(await home.recordedSlots(), all, `every record of ${home.place.home}`);
});
