import t from 'tap';
import { openJournal } from '../../agent/journal.ts';
import { openStreet, type StreetHome, untilAll } from './street.ts';

t.setTimeout(120_000);

const heightOf = async (home: StreetHome) => (await home.status()).ledger.height;
const isAgreed = ({ phase }: { phase: string }) => ['delivering', 'settling', 'done'].includes(phase);

t.test('two of four validators are killed: no block, and the other homes keep to their plans', async (t) => {
  const slots = 12;
  const street = await openStreet(t, { slots });
  const { homes } = street;
  const hasBattery = ({ house }: StreetHome) => house.devices.some(({ kind }) => kind === 'battery');
  const storing = homes.find(hasBattery)!;
  const [other, ...killed] = homes.filter((home) => home !== storing) as [StreetHome, ...StreetHome[]];
  const left = [storing, other];
  await Promise.all(homes.map((home) => home.start()));
  await street.tellEvening();
  await untilAll(homes, 'the day is agreed upon', isAgreed);

  street.tellDay();
  const [from, to] = [3, 8];
  await street.untilSlot(from - 0.7);
  await Promise.all(killed.map((home) => home.kill()));
  // What was under way may still become final: the votes were out.
  await street.untilSlot(from);
  const lostAt = await Promise.all(left.map(heightOf));
  await street.untilSlot(to + 0.3);
  const cut = await Promise.all(left.map((home) => home.status()));
  for (const [index, status] of cut.entries()) {
    t.equal(status.ledger.height, lostAt[index], 'two of four agree on nothing');
    t.ok(status.ledger.connected, 'though they hear each other');
    t.ok(status.ledger.pending >= to - from, 'what is to be told is kept');
    t.ok(status.realised.slots >= to, 'every slot is metered');
  }
  // Its battery makes up for what the forecast got wrong; who has none cannot.
  const { togetherNetImportKw, realised } = (await openJournal(storing.place.directory)).found.journal!;
  const hours = street.data.slotMs / 3_600_000;
  for (const { slot, importWh, exportWh } of realised.filter(({ slot }) => slot >= from && slot < to)) {
    const apartKw = (importWh - exportWh) / 1_000 / hours - togetherNetImportKw![slot]!;
    t.ok(Math.abs(apartKw) < 0.02, `slot ${slot}: ${(apartKw * 1_000).toFixed(1)} W from what it nominated`);
  }

  await killed[0]!.start();
  await untilAll(left, 'one is back, and blocks are', ({ ledger }) => ledger.height > Math.max(...lostAt));
  await killed[1]!.start();
  await untilAll(homes, 'the day is settled', ({ phase }) => phase === 'done');
  await untilAll(homes, 'nothing is left to tell', ({ ledger }) => ledger.pending === 0);
  const { deliveryByHome } = await storing.session();
  for (const [home, { pending }] of Object.entries(deliveryByHome)) t.equal(pending, 0, home);
  t.same(await Promise.all(homes.map((home) => home.stop())), ['0', '0', '0', '0']);
  const all = Array.from({ length: slots }, (_, slot) => slot);
  for (const home of homes) t.same(await home.recordedSlots(), all, `every record of ${home.place.home}`);
});
