import fc from 'fast-check';
import t from 'tap';
import {
  type ArgumentsOf,
  buildCall,
  contract,
  type MethodName,
  type Motion,
  readAccount,
  readCommittee,
  readNetwork,
  readVotes,
  rotationTo,
} from '../../consensus/contract/index.ts';
import { fromHex, toHex } from '../../consensus/crypto/index.ts';
import { type NodeKey, nodeKeyOf } from '../../consensus/store/index.ts';
import { alice, bob, genesis, memberKeys, START_MS, start, validatorKeys } from './chain-fixture.ts';

const [ann, ben, cleo, dan] = validatorKeys as [NodeKey, NodeKey, NodeKey, NodeKey];
/** Keys that nobody has at the beginning. */
const fresh = Array.from({ length: 40 }, (_, index) =>
  nodeKeyOf(fromHex((1000 + index).toString(16).padStart(64, '0'))),
);
const [eve, fay] = fresh as [NodeKey, NodeKey];

/** Signing takes its time. */
const proofs = new Map<string, ReturnType<typeof rotationTo>>();

/** The state after the genesis, and calls on it: each in a block of its own unless told otherwise. */
class Town {
  readonly entries: Map<string, Uint8Array>;
  height = 0;

  constructor(parameters: Record<string, bigint> = {}, validators = genesis.validators) {
    const accounts = genesis.accounts;
    this.entries = new Map(contract.genesisEntries({ ...genesis, accounts, validators, parameters }));
  }

  readonly state = {
    get: (key: string) => this.entries.get(key),
    set: (key: string, value: Uint8Array) => void this.entries.set(key, value),
    delete: (key: string) => void this.entries.delete(key),
  };

  /** The code of a rejection, or the names of the events. */
  call<M extends MethodName>(
    sender: string,
    method: M,
    args: ArgumentsOf<M>,
    { sameBlock = false } = {},
  ): string {
    if (!sameBlock) this.height += 1;
    const before = new Map(this.entries);
    const context = { height: this.height, timeMs: START_MS + this.height, genesis: start.genesis };
    const outcome = contract.applyCall(this.state, { sender, ...buildCall(method, args) }, context);
    if (outcome.ok) return outcome.events.map(({ name }) => name).join(' ');
    const unchanged =
      before.size === this.entries.size &&
      [...before].every(([key, value]) => this.entries.get(key) === value);
    if (!unchanged) throw new Error('a rejection changed the state');
    return outcome.code;
  }

  vote(signer: NodeKey, motion: Motion, target: string, key: NodeKey | null = null, options = {}): string {
    const publicKey = key === null ? null : toHex(key.publicKey);
    return this.call(signer.address, 'governance.vote', { motion, target, publicKey }, options);
  }

  rotate(account: NodeKey, to: NodeKey, change: { account?: string; genesis?: string } = {}): string {
    const proven = { genesis: start.genesis, account: account.address, ...change };
    const name = `${proven.genesis} ${proven.account} ${to.address}`;
    const args = proofs.get(name) ?? rotationTo(to.privateKey, proven);
    proofs.set(name, args);
    return this.call(account.address, 'accounts.rotateKey', args);
  }

  seats(): string[] {
    return contract.validatorsOf(this.state).map(({ address }) => nameOf(address));
  }

  money(): bigint {
    const accounts = [...this.entries.keys()].filter((key) => key.startsWith('accounts/'));
    return accounts.reduce((sum, key) => sum + readAccount(this.state, key.slice(9))!.balanceMicro, 0n);
  }
}

const names = new Map(
  Object.entries({ ann, ben, cleo, dan, eve, fay, alice, bob }).map(([name, key]) => [key.address, name]),
);
const nameOf = (address: string) => names.get(address) ?? address;

t.test('seats are voted in and out', async (t) => {
  const town = new Town();
  t.equal(town.vote(ann, 'add', eve.address, eve), 'governance.voted');
  t.equal(town.vote(ann, 'add', eve.address, eve), 'CONTRACT_ALREADY_EXISTS', 'it stands already');
  t.equal(town.vote(ben, 'add', eve.address, eve), 'governance.voted');
  t.strictSame(
    readVotes(town.state, town.height + 1).map(({ signer, motion }) => [nameOf(signer), motion]),
    [
      ['ann', 'add'],
      ['ben', 'add'],
    ],
  );
  t.equal(readAccount(town.state, eve.address), undefined);
  t.equal(town.vote(cleo, 'add', eve.address, eve), 'governance.voted governance.added', '3 of 4');
  t.equal(readAccount(town.state, eve.address)?.balanceMicro, 0n);
  t.strictSame(readAccount(town.state, eve.address)?.roles, ['validator']);
  t.same(new Set(town.seats()), new Set(['ann', 'ben', 'cleo', 'dan', 'eve']));
  t.equal(readCommittee(town.state).changedHeight, town.height);
  t.strictSame(readVotes(town.state, town.height + 1), []);
  t.equal(readNetwork(town.state).faults, 1);
  t.equal(town.vote(eve, 'drop', dan.address), 'governance.voted');
  t.equal(town.vote(dan, 'add', fay.address, fay), 'governance.voted');
  t.equal(town.vote(ann, 'drop', dan.address), 'governance.voted');
  t.equal(town.vote(ben, 'drop', dan.address), 'governance.voted governance.dropped');
  t.same(new Set(town.seats()), new Set(['ann', 'ben', 'cleo', 'eve']));
  t.strictSame(readVotes(town.state, town.height + 1), [], 'his votes go with him');
  t.strictSame(readAccount(town.state, dan.address)?.roles, ['prosumer']);
  t.equal(town.vote(dan, 'drop', ann.address), 'CONTRACT_WRONG_ROLE');
});

t.test('what a vote may not ask for', async (t) => {
  const town = new Town();
  const ask = (motion: Motion, target: string, publicKey: string | null) =>
    town.call(ann.address, 'governance.vote', { motion, target, publicKey });
  t.equal(town.vote(alice, 'drop', dan.address), 'CONTRACT_WRONG_ROLE');
  t.equal(ask('drop', dan.address, toHex(dan.publicKey)), 'CONTRACT_BAD_ARGUMENTS', 'a key for nothing');
  t.equal(ask('add', eve.address, null), 'CONTRACT_BAD_ARGUMENTS', 'no key');
  t.equal(ask('add', eve.address, '05'.repeat(33)), 'CONTRACT_BAD_ARGUMENTS', 'no point of the curve');
  t.equal(ask('add', eve.address, toHex(fay.publicKey)), 'CONTRACT_BAD_ARGUMENTS', 'another address');
  t.equal(ask('add', eve.address, toHex(bob.publicKey)), 'CONTRACT_ALREADY_EXISTS', 'a key that is taken');
  t.equal(ask('add', alice.address, toHex(fay.publicKey)), 'CONTRACT_NOT_QUALIFIED', 'not her key');
  t.equal(ask('add', dan.address, toHex(dan.publicKey)), 'CONTRACT_ALREADY_EXISTS', 'he has a seat');
  t.equal(ask('drop', alice.address, null), 'CONTRACT_ALREADY_EXISTS', 'she has none');
  t.equal(ask('revoke', eve.address, null), 'CONTRACT_UNKNOWN_ACCOUNT');
  t.equal(ask('rekey', eve.address, toHex(eve.publicKey)), 'CONTRACT_UNKNOWN_ACCOUNT');
  t.equal(ask('rekey', alice.address, toHex(eve.publicKey)), 'CONTRACT_ALREADY_EXISTS', 'she has a key');
  t.equal(ask('rekey', alice.address, toHex(bob.publicKey)), 'CONTRACT_ALREADY_EXISTS', "bob's");
  t.equal(town.vote(ann, 'add', alice.address, alice), 'governance.voted', 'an account that is there');
  t.equal(town.vote(ann, 'drop', alice.address), 'governance.voted', 'taken back');
  t.strictSame(readVotes(town.state, town.height + 1), []);
  for (let index = 2; index < 18; index++) {
    t.equal(town.vote(ann, 'add', fresh[index]!.address, fresh[index]!), 'governance.voted');
  }
  t.equal(town.vote(ann, 'add', eve.address, eve), 'CONTRACT_OUT_OF_RANGE', 'she has sixteen standing');
});

t.test('one vote a block, and none of an epoch that is over', async (t) => {
  const town = new Town({ epochBlocks: 10n });
  t.equal(town.vote(ann, 'drop', dan.address), 'governance.voted');
  t.equal(town.vote(ben, 'drop', dan.address, null, { sameBlock: true }), 'CONTRACT_NEXT_BLOCK');
  t.equal(town.vote(ben, 'drop', dan.address), 'governance.voted');
  town.height = 9;
  t.equal(readVotes(town.state, 9).length, 2);
  t.equal(readVotes(town.state, 10).length, 0);
  t.equal(town.vote(cleo, 'drop', dan.address), 'governance.voted', 'at height 10, all alone');
  t.equal(readVotes(town.state, 11).length, 1);
  t.equal(town.seats().length, 4);
});

t.test('a committee is never empty and never above 31', async (t) => {
  const alone = new Town(
    {},
    genesis.validators.filter(({ address }) => address === ann.address),
  );
  t.equal(alone.vote(ann, 'drop', ann.address), 'CONTRACT_OUT_OF_RANGE');
  t.equal(alone.vote(ann, 'revoke', ann.address), 'CONTRACT_OUT_OF_RANGE');
  t.strictSame(alone.seats(), ['ann']);
  const full = new Town(
    {},
    [ann, ...fresh.slice(0, 30)].map(({ address, publicKey }) => ({ address, publicKey })),
  );
  t.equal(full.seats().length, 31);
  t.equal(readNetwork(full.state).faults, 10);
  for (const signer of fresh.slice(0, 15)) {
    t.equal(full.vote(signer, 'add', bob.address, bob), 'governance.voted');
  }
  t.equal(full.vote(ann, 'add', bob.address, bob), 'CONTRACT_OUT_OF_RANGE', 'the vote that would pass');
});

t.test('a key is revoked, and a replaced meter keeps its address and balance', async (t) => {
  const town = new Town();
  for (const signer of [ann, ben]) town.vote(signer, 'revoke', alice.address);
  t.ok(contract.publicKeyOf(town.state, alice.address));
  t.equal(town.vote(cleo, 'revoke', alice.address), 'governance.voted governance.revoked');
  t.equal(contract.publicKeyOf(town.state, alice.address), undefined, 'it can send nothing more');
  t.equal(town.vote(ann, 'revoke', alice.address), 'CONTRACT_ALREADY_EXISTS', 'it has none');
  t.equal(town.vote(ann, 'add', alice.address, alice), 'CONTRACT_NOT_QUALIFIED', 'no seat for it either');
  t.equal(
    town.vote(ann, 'rekey', alice.address, alice),
    'CONTRACT_ALREADY_EXISTS',
    'what is revoked stays so',
  );
  town.vote(ann, 'rekey', alice.address, eve);
  town.vote(ben, 'rekey', alice.address, eve);
  t.equal(town.vote(cleo, 'rekey', alice.address, fay), 'governance.voted', 'another key does not add up');
  t.equal(town.vote(dan, 'rekey', alice.address, eve), 'governance.voted governance.rekeyed');
  t.strictSame(contract.publicKeyOf(town.state, alice.address), eve.publicKey);
  t.equal(readAccount(town.state, alice.address)?.balanceMicro, 1_000_000n);
  t.equal(town.vote(ann, 'add', eve.address, eve), 'CONTRACT_ALREADY_EXISTS', 'the key serves alice now');
});

t.test('a revoked validator loses its seat and its votes', async (t) => {
  const town = new Town();
  town.vote(dan, 'drop', ann.address);
  for (const signer of [ann, ben]) town.vote(signer, 'revoke', dan.address);
  t.equal(town.vote(cleo, 'revoke', dan.address), 'governance.voted governance.revoked');
  t.same(new Set(town.seats()), new Set(['ann', 'ben', 'cleo']));
  t.strictSame(readVotes(town.state, town.height + 1), []);
  t.strictSame(readAccount(town.state, dan.address)?.roles, ['prosumer']);
  t.equal(readNetwork(town.state).faults, 0);
});

t.test(
  'a majority that was made by a departure waits to be touched, and for a key that is still free',
  async (t) => {
    const town = new Town();
    town.vote(ann, 'add', eve.address, eve);
    town.vote(ben, 'add', eve.address, eve);
    for (const signer of [ann, ben, cleo]) town.vote(signer, 'drop', dan.address);
    t.same(new Set(town.seats()), new Set(['ann', 'ben', 'cleo']), '2 of 3 wait');
    t.equal(town.rotate(bob, eve), 'accounts.keyRotated', 'meanwhile the key is taken');
    t.equal(
      town.vote(cleo, 'drop', eve.address),
      'CONTRACT_ALREADY_EXISTS',
      'and the touch cannot be carried out',
    );
    t.equal(town.seats().length, 3);
  },
);

t.test('a key is rotated by its account, and serves one account for ever', async (t) => {
  const town = new Town();
  t.equal(town.rotate(ann, eve), 'accounts.keyRotated');
  t.strictSame(contract.publicKeyOf(town.state, ann.address), eve.publicKey);
  const seat = contract.validatorsOf(town.state).find(({ address }) => address === ann.address);
  t.strictSame(seat?.publicKey, eve.publicKey, 'the seat follows');
  t.equal(town.rotate(ann, ann), 'CONTRACT_ALREADY_EXISTS', 'not back');
  t.equal(town.rotate(bob, eve), 'CONTRACT_ALREADY_EXISTS', "not another's");
  t.equal(town.rotate(bob, ben), 'CONTRACT_ALREADY_EXISTS');
  t.equal(town.rotate(bob, fay, { account: alice.address }), 'CONTRACT_BAD_PROOF', 'proven for another');
  t.equal(town.rotate(bob, fay, { genesis: '00'.repeat(32) }), 'CONTRACT_BAD_PROOF', 'on another chain');
  const { proof } = rotationTo(fay.privateKey, { genesis: start.genesis, account: bob.address });
  const rotate = (args: ArgumentsOf<'accounts.rotateKey'>) =>
    town.call(bob.address, 'accounts.rotateKey', args);
  t.equal(rotate({ publicKey: toHex(fresh[9]!.publicKey), proof }), 'CONTRACT_BAD_PROOF', 'by another key');
  t.equal(rotate({ publicKey: '05'.repeat(33), proof }), 'CONTRACT_BAD_ARGUMENTS');
  t.equal(rotate({ publicKey: toHex(fay.publicKey), proof }), 'accounts.keyRotated');
});

t.test(
  'keys that have served stay in the state, so that one account changes its own so often at most',
  async (t) => {
    const town = new Town();
    const key = (number: number) => nodeKeyOf(fromHex((5_000 + number).toString(16).padStart(64, '0')));
    for (let change = 0; change < 256; change++) {
      if (town.rotate(alice, key(change)) !== 'accounts.keyRotated') t.fail(`change ${change}`);
    }
    t.equal(town.rotate(alice, key(256)), 'CONTRACT_OUT_OF_RANGE');
    t.equal(town.rotate(bob, key(256)), 'accounts.keyRotated', "nobody else's affair");
    // The validators may still give it another.
    for (const by of [ann, ben, cleo]) town.vote(by, 'revoke', alice.address);
    for (const by of [ann, ben, cleo]) town.vote(by, 'rekey', alice.address, key(257));
    t.strictSame(readAccount(town.state, alice.address)?.publicKey, key(257).publicKey);
  },
);

t.test('whatever is voted and rotated, seats, roles, keys and money stay in order', async () => {
  const people = [...memberKeys, ...fresh.slice(0, 3)];
  const spares = fresh.slice(3, 12);
  const person = fc.integer({ min: 0, max: people.length - 1 });
  const moves = fc.array(
    fc.record({
      signer: person,
      target: person,
      key: fc.integer({ min: 0, max: people.length + spares.length - 1 }),
      motion: fc.constantFrom('add', 'drop', 'revoke', 'rekey', 'replace', 'rotate', 'pay'),
      company: fc.integer({ min: 0, max: 4 }),
      sameBlock: fc.boolean(),
    }),
    { minLength: 10, maxLength: 40 },
  );
  const reached = { added: 0, dropped: 0, revoked: 0, rekeyed: 0, keyRotated: 0 };
  fc.assert(
    fc.property(moves, (list) => {
      const town = new Town({ epochBlocks: 50n });
      const keys = new Map<string, string>();
      let seatsBefore = town.seats();
      let changedAt = -1;
      const steps = list.flatMap(({ company, motion, ...move }) =>
        (motion === 'replace' ? (['revoke', 'rekey'] as const) : [motion]).flatMap((said) =>
          Array.from({ length: company + 1 }, (_, index) => ({
            ...move,
            motion: said,
            signer: (move.signer + index) % people.length,
          })),
        ),
      );
      for (const { signer, target, key, motion, sameBlock } of steps) {
        const [by, about, named] = [people[signer]!, people[target]!, [...people, ...spares][key]!];
        const act = () => {
          if (motion === 'rotate') return town.rotate(by, named);
          if (motion === 'pay') {
            const args = { to: about.address, amountMicro: 7n, memo: '' };
            return town.call(by.address, 'accounts.transfer', args);
          }
          // Mostly the key that fits: a newcomer's own.
          const own = motion === 'add' && key % 4 > 0 ? about : named;
          const withKey = motion === 'add' || motion === 'rekey' ? own : null;
          return town.vote(by, motion, about.address, withKey, { sameBlock });
        };
        const said = act();
        for (const name of Object.keys(reached) as (keyof typeof reached)[])
          if (said.includes(`.${name}`)) reached[name] += 1;
        const seats = town.seats();
        if (String(seats) !== String(seatsBefore)) {
          if (Math.abs(seats.length - seatsBefore.length) !== 1)
            throw new Error('more than one seat at once');
          if (changedAt === town.height) throw new Error('two changes in a block');
          changedAt = town.height;
        }
        seatsBefore = seats;
        const { members } = readCommittee(town.state);
        if (members.length < 1 || members.length !== seats.length) throw new Error('a seat without a key');
        if (String([...members].sort()) !== String(members)) throw new Error('unsorted');
        for (const { address } of people) {
          const account = readAccount(town.state, address);
          if (account === undefined) continue;
          if (account.roles.includes('validator') !== members.includes(address))
            throw new Error('role without seat');
          const holds = account.publicKey === null ? null : toHex(account.publicKey);
          if (holds === null) continue;
          if ((keys.get(holds) ?? address) !== address) throw new Error('a key of two accounts');
          keys.set(holds, address);
        }
        for (const { signer: voter } of readVotes(town.state, town.height + 1))
          if (!members.includes(voter)) throw new Error('a vote without a seat');
        if (town.money() !== 6_000_000n) throw new Error('money came or went');
      }
    }),
    { numRuns: 80, seed: 20_261_121 },
  );
  t.ok(
    Object.values(reached).every((count) => count > 0),
    JSON.stringify(reached),
  );
});
