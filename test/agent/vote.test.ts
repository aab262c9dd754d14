import t from 'tap';
import type { Home } from '../../agent/home.ts';
import { castVote } from '../../agent/roles/validator.ts';
import { contract } from '../../consensus/index.ts';
import { World } from '../consensus/contract-world.ts';

/** Votes in an epoch of four blocks; the world's first call is in block 2. */
function voting() {
  const world = new World(1, { epochBlocks: 4n });
  const now = { height: 1 };
  const validators = contract.validatorsOf(world.state as never).map(({ address }) => address);
  const cast = (voter: number, ballot: object) => {
    const node = {
      get head() {
        const seated = contract.validatorsOf(world.state as never);
        return { height: now.height, state: world.state, validators: seated, header: { timeMs: 0 } };
      },
      submit: async ({ method, args }: { method: string; args: Parameters<World['apply']>[2] }) => {
        now.height += 1;
        const outcome = world.apply(validators[voter]!, method, args);
        return outcome.ok ? { ok: true, id: '' } : outcome;
      },
      whenFinal: async () => ({ ok: true, height: now.height }),
    };
    const home = { node, clock: { utcMs: () => 0 }, log: () => undefined } as unknown as Home;
    return castVote(home, { publicKey: null, ...ballot });
  };
  return { cast, validators };
}

t.test('who votes in the last block of an epoch is told that it was in vain', async (t) => {
  const { cast, validators } = voting();
  const drop = { motion: 'drop', target: validators[1]! };
  t.match(await cast(0, drop), { height: 2, isVoid: false });
  t.match(await cast(2, drop), { height: 3, isVoid: true, committee: { motions: [] } });
  t.match(await cast(0, drop), { height: 4, isVoid: false });
  t.match(await cast(2, { ...drop, target: validators[3]! }), { height: 5, isVoid: false });
  t.match(await cast(2, drop), { height: 6, isVoid: false });
  const last = await cast(3, drop);
  t.match(last, { height: 7, isVoid: false }, 'but for what it decides');
  t.equal(last.committee.validators.length, 3);
});

t.test('so it is with the votes on keys', async (t) => {
  const { cast, validators } = voting();
  const revoke = { motion: 'revoke', target: validators[1]! };
  await cast(0, revoke);
  t.match(await cast(2, revoke), { height: 3, isVoid: true });
  for (const voter of [0, 2]) await cast(voter, revoke);
  t.match(await cast(0, { ...revoke, target: validators[3]! }), { height: 6 });
  t.match(await cast(3, revoke), { height: 7, isVoid: false }, 'it has no key any more');
});
