import t from 'tap';
import { readSession, readTrades, readTurn } from '../../consensus/contract/index.ts';
import { World } from './contract-world.ts';

/** A toy home: what it sells falls with the distance of the price from its own value of a kWh. */
function bestMw(valueMicro: number, priceMicro: bigint, targetMw: number, penaltyMicro: bigint): number {
  // min (value * p + 20_000/2 p^2) - price p + r/2 (p - z)^2 over p in kW
  const r = Number(penaltyMicro);
  const kw = (Number(priceMicro) - valueMicro + (r * targetMw) / 1e6) / (20_000 + r);
  return Math.round(Math.max(-8, Math.min(8, kw)) * 1e6);
}

t.test('a pool of toy homes agrees, clears to zero and pays to zero', (t) => {
  const world = new World(5).connect().open('day/pool');
  const values = [100_000, 150_000, 200_000, 250_000, 320_000];
  for (let guard = 0; guard < 60 && readSession(world.state, 'day/pool')!.status === 'rounds'; guard += 1) {
    for (const [index, owner] of world.homes.entries()) {
      const turn = readTurn(world.state, 'day/pool', owner)!;
      if (turn.form !== 'pool') throw new Error('form');
      const soldMw = turn.pricesMicro.map((price, slot) =>
        bestMw(values[index]!, price, turn.targetsMw[slot]!, 50_000n),
      );
      world.must(owner, 'coordination.offer', { id: 'day/pool', round: turn.round, soldMw });
    }
  }
  const session = readSession(world.state, 'day/pool')!;
  t.equal(session.status, 'final');
  t.ok(session.round < 50, `agreed in ${session.round} rounds`);
  const { homes } = readTrades(world.state, 'day/pool')!;
  for (let slot = 0; slot < 2; slot += 1) {
    t.equal(
      homes.reduce((sum, { soldW }) => sum + soldW[slot]!, 0),
      0,
    );
  }
  t.ok(homes[0]!.soldW[0]! > 1000);
  t.equal(
    homes.reduce((sum, { paymentMicro }) => sum + paymentMicro, 0n),
    0n,
  );
  t.end();
});
