import t from 'tap';
import type { AgentStatus } from '../../agent/diagnostics/status.ts';
import { openForecasterFile } from '../../agent/forecaster-file.ts';
import { openJournal } from '../../agent/journal.ts';
import { leaveOutForecasts, openStreet, type Street, type StreetHome, untilAll } from './street.ts';

const batteryOf = ({ place }: StreetHome) => `${place.home}-battery`;
const batteryKw = ({ house }: StreetHome) => {
  const { batteryChargeKw, batteryDischargeKw } = house.state().flows;
  return batteryChargeKw - batteryDischargeKw;
};
const faultOf = ({ devices }: AgentStatus, id: string) => devices.find((device) => device.id === id)?.fault;
const isUnderway = ({ phase }: AgentStatus) => ['delivering', 'settling', 'done'].includes(phase);

/** All nodes at one block with one state, and nothing of their own left to tell. */
async function untilOneHead(homes: readonly StreetHome[]): Promise<readonly AgentStatus[]> {
  for (let look = 0; ; look += 1) {
    const statuses = await untilAll(homes, 'nothing is left to tell', ({ ledger }) => ledger.pending === 0);
    const heads = new Set(
      statuses.map(({ ledger }) => `${ledger.height} ${ledger.digest} ${ledger.stateRoot}`),
    );
    if (heads.size === 1) return statuses;
    if (look > 100) throw new Error(`no one head: ${[...heads].join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function recordsOf(street: Street) {
  const { deliveryByHome } = await street.homes[0]!.session();
  return deliveryByHome;
}

t.setTimeout(90_000);

t.test('a day on which the broker, a device and agents fail one after the other', async (t) => {
  const slots = 12;
  const street = await openStreet(t, { slots });
  const { homes } = street;
  const broker = street.brokers[0]!;
  const storing = homes.find(({ house }) => house.devices.some(({ kind }) => kind === 'battery'))!;
  const [first, second, third] = homes.filter((home) => home !== storing) as [
    StreetHome,
    StreetHome,
    StreetHome,
  ];

  await leaveOutForecasts(third);
  await broker.kill();
  await Promise.all(homes.map((home) => home.start()));
  for (const status of await Promise.all(homes.map((home) => home.status()))) {
    t.equal(status.ledger.connected, false, 'without a broker an agent starts, and says so');
    t.equal(status.ledger.height, 0);
  }
  await broker.start();
  await street.tellEvening();

  await untilAll([first], 'rounds have begun', ({ rounds }) => rounds.length >= 2);
  await second.kill();
  await second.start();
  await untilAll(homes, 'the day is agreed upon', isUnderway);
  t.match(await second.session(), { status: 'final' }, 'killed in a round, it takes the trades up again');

  street.tellDay();
  // A device vanishes for two slots.
  await street.untilSlot(1.5);
  const { dayAhead } = (await openJournal(third.place.directory)).found.journal!;
  t.equal(dayAhead?.loadKw.length, slots, 'told nothing, a home makes a forecast of its own to trade by');
  await storing.house.setFault(batteryOf(storing), { kind: 'refuse' });
  await third.kill();
  await street.untilSlot(2.2);
  await third.start();
  await street.untilSlot(3.4);
  const without = await storing.status();
  t.match(faultOf(without, batteryOf(storing)), /refused|lost|closed/i, 'the status names it');
  t.ok(without.realised.slots >= 3, 'and the day goes on');
  await storing.house.setFault(batteryOf(storing), undefined);
  await untilAll(
    [storing],
    'it is picked up again',
    (status) => faultOf(status, batteryOf(storing)) === undefined,
  );
  t.match(
    (await storing.log()).filter(({ device }) => device === batteryOf(storing)).map(({ event }) => event),
    ['device-back', 'device-missing'],
  );

  await untilAll([storing], 'and steered again', () => batteryKw(storing) !== 0);

  // The broker vanishes for two slots.
  await street.untilSlot(6.3);
  const before = await Promise.all(homes.map((home) => home.status()));
  await broker.kill();
  await street.untilSlot(8.4);
  const cut = await Promise.all(homes.map((home) => home.status()));
  for (const [index, status] of cut.entries()) {
    t.equal(status.ledger.connected, false);
    t.ok((status.slot ?? 0) >= 8, 'it goes on by its plan');
    t.ok(status.realised.slots > before[index]!.realised.slots, 'and meters');
    t.ok(status.ledger.pending > 0, 'and keeps what it has to tell');
  }
  // Killed and started while there is no broker.
  await first.kill();
  await broker.start();
  await first.start();
  await street.untilSlot(slots);
  await untilAll(homes, 'the day is settled', ({ phase }) => phase === 'done');
  const statuses = await untilOneHead(homes);
  for (const { home, realised } of statuses) t.equal(realised.slots, slots, `${home} has metered every slot`);
  for (const [home, counts] of Object.entries(await recordsOf(street))) t.equal(counts.pending, 0, home);

  // Asked to stop.
  const stopping = performance.now();
  t.same(await Promise.all(homes.map((home) => home.stop())), ['0', '0', '0', '0']);
  t.comment(`stopped in ${Math.round(performance.now() - stopping)} ms`);
  for (const home of homes) t.equal(batteryKw(home), 0, 'devices are let go');
  const all = Array.from({ length: slots }, (_, slot) => slot);
  for (const home of homes) t.same(await home.recordedSlots(), all, `every record of ${home.place.home}`);

  const { slotMs, startMs } = street.data;
  const setting = { slotMs, startMs, endMs: startMs + slots * slotMs };
  const { found } = await openForecasterFile(third.place.directory, setting);
  t.equal(found.doubt, undefined);
  t.equal(found.forecaster.newestMs, startMs + (slots - 1) * slotMs);
  const known = found.forecaster.load.diary.pages.flat().filter((kw) => kw !== null);
  t.ok(known.length >= slots - 4, `what it measured, killed or not, is learnt: ${known.length} slots`);
  t.same((await openJournal(third.place.directory)).found.journal?.dayAhead, dayAhead, 'and that one stays');
});
