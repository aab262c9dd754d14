/** The ledger's store and the record of own votes as they lie together in a node's directory, damaged in every way. */
import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ConsensusError } from '../../consensus/errors.ts';
import { type KeptVote, openLedgerStore, openVoteLog } from '../../consensus/store/index.ts';
import { chainOf, contract, genesis } from './chain-fixture.ts';

const LENGTH = 14;
const chain = chainOf(LENGTH);
const root = t.testdir();
const sound = join(root, 'sound');
const older = join(root, 'older');
let opened = 0;

const voteAt = (height: number, kind: KeptVote['kind']): KeptVote => ({
  height,
  round: 0,
  kind,
  digest: height.toString(16).padStart(64, '0'),
  payload: Uint8Array.of(height),
});

/** Votes and blocks in the order in which a validator writes them, up to a height, and its vote at the next. */
async function live(directory: string, upTo: number): Promise<void> {
  const store = await openLedgerStore({ directory, genesis, contract });
  const votes = await openVoteLog(directory, store);
  if (votes.doubt !== null) await votes.endDoubt(0);
  for (const { final, executed } of chain.slice(store.head.height, upTo)) {
    const { height } = final.block.header;
    await votes.append([voteAt(height, 'prepare')]);
    await votes.append([voteAt(height, 'commit')]);
    await store.append(final, executed);
    await votes.finalised(height);
  }
  await votes.append([voteAt(upTo + 1, 'prepare')]);
  await votes.close();
  await store.close();
}

t.before(async () => {
  await live(sound, 6);
  await cp(sound, older, { recursive: true });
  await live(sound, LENGTH);
});

type Found = {
  readonly height: number;
  readonly rebuilt: string | null;
  readonly ledgerLost: number | null;
  readonly doubt: {
    readonly reason: string;
    readonly highestHeight: number;
    readonly isFirstStart: boolean;
  } | null;
};

/** Opens what is left. Whatever it is: true as far as it goes, what is gone is noticed, and no vote can be cast twice. */
async function find(t: Test, directory: string, name: string): Promise<Found | null> {
  try {
    const store = await openLedgerStore({ directory, genesis, contract });
    const votes = await openVoteLog(directory, store);
    const { height, digest } = store.head;
    const { doubt, ledgerLost, floorHeight } = votes;
    const rebuilt = store.recovery?.reason ?? null;
    if (height > 0) t.equal(digest, chain[height - 1]!.executed.next.digest, name);
    if (doubt === null) {
      for (let voted = height + 1; voted <= LENGTH + 1; voted += 1)
        if (voted > floorHeight && !votes.holds(voteAt(voted, 'prepare')))
          t.fail(`${name}: the vote at ${voted} is forgotten, and nothing forbids another`);
      if (height < LENGTH)
        t.ok(ledgerLost ?? rebuilt, `${name}: blocks above ${height} are missing unnoticed`);
    }
    await votes.close();
    await store.close();
    return { height, rebuilt, ledgerLost, doubt };
  } catch (error) {
    t.ok(
      error instanceof ConsensusError && /^CONSENSUS_(STORE|WRONG)_/.test(error.code),
      `${name}: ${error}`,
    );
    return null;
  }
}

async function copyOf(directory: string): Promise<string> {
  opened += 1;
  const copy = join(root, `copy-${opened}`);
  await cp(directory, copy, { recursive: true });
  return copy;
}

t.test('LevelDB drops synced entries from a damaged log without a word, and it is noticed', async (t) => {
  const files = (await readdir(join(sound, 'ledger'))).filter((name) =>
    /\.(log|ldb)$|^MANIFEST|^CURRENT/.test(name),
  );
  const log = files.find((name) => name.endsWith('.log'))!;
  let silent = 0;
  for (const file of files) {
    const bytes = await readFile(join(sound, 'ledger', file));
    const places = file === log ? 24 : 5;
    for (let place = 0; place < places; place += 1) {
      const at = Math.floor((bytes.length * place) / places);
      const flipped = Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 0x10 : byte));
      for (const [kind, damaged] of [
        ['cut', bytes.subarray(0, at)],
        ['flipped', flipped],
      ] as const) {
        const directory = await copyOf(sound);
        await writeFile(join(directory, 'ledger', file), damaged);
        const found = await find(t, directory, `${file} ${kind} at ${at} of ${bytes.length}`);
        if (found !== null && found.height < LENGTH && found.rebuilt === null) silent += 1;
        await rm(directory, { recursive: true });
      }
    }
  }
  t.ok(silent > 5, `in ${silent} cases the database itself saw nothing wrong`);
});

const LEDGER = 'ledger';
const [A, B] = ['votes-a.log', 'votes-b.log'];

t.test(
  'what is deleted, emptied, cut or put back from a backup, file by file and all together',
  async (t) => {
    const gone =
      (...names: string[]) =>
      async (directory: string) => {
        for (const name of names) await rm(join(directory, name), { recursive: true });
      };
    const empty =
      (...names: string[]) =>
      async (directory: string) => {
        for (const name of names) await truncate(join(directory, name), 0);
      };
    const put =
      (...names: string[]) =>
      async (directory: string) => {
        for (const name of names) {
          await rm(join(directory, name), { recursive: true });
          await cp(join(older, name), join(directory, name), { recursive: true });
        }
      };
    const doubt = { doubt: { isFirstStart: false } };
    const damages: [string, (directory: string) => Promise<void>, object][] = [
      ['nothing', async () => undefined, { height: LENGTH, doubt: null, ledgerLost: null }],
      [
        'the ledger is gone',
        gone(LEDGER),
        { height: 0, doubt: { reason: /does not know/, highestHeight: LENGTH + 1 } },
      ],
      ['an older ledger', put(LEDGER), { height: 6, doubt: null, ledgerLost: LENGTH + 1 }],
      ['copy a is gone', gone(A), { ...doubt, height: LENGTH, doubt: { reason: /copy a is missing/ } }],
      ['copy b is gone', gone(B), { doubt: { reason: /copy b is missing/ } }],
      ['both copies are gone', gone(A, B), { ...doubt, doubt: { highestHeight: LENGTH + 1 } }],
      ['copy a is empty', empty(A), { doubt: { reason: /copy a/ } }],
      ['both copies are empty', empty(A, B), { doubt: { reason: /copy a/, isFirstStart: false } }],
      ['an older copy a', put(A), { doubt: { reason: /copy a has lost/, highestHeight: LENGTH + 1 } }],
      ['an older copy b', put(B), { doubt: { reason: /copy b/ } }],
      ['both copies older', put(A, B), { doubt: { reason: /older than the ledger remembers/ } }],
      ['ledger and copy a older', put(LEDGER, A), { height: 6, doubt: { highestHeight: LENGTH + 1 } }],
      [
        'ledger gone, both copies older',
        async (directory) => {
          await gone(LEDGER)(directory);
          await put(A, B)(directory);
        },
        { height: 0, doubt: { reason: /does not know/, isFirstStart: false } },
      ],
      ['all is gone', gone(LEDGER, A, B), { height: 0, doubt: { isFirstStart: true } }],
      [
        "the lock and the database's own log",
        gone('ledger/LOCK', 'ledger/LOG'),
        { height: LENGTH, doubt: null },
      ],
    ];
    for (const [name, damage, expected] of damages) {
      const directory = await copyOf(sound);
      await damage(directory);
      t.match(await find(t, directory, name), expected, name);
      await rm(directory, { recursive: true });
    }
    // As a whole nothing in it is wrong: only the others can tell (see node.test.ts).
    const whole = await copyOf(older);
    const store = await openLedgerStore({ directory: whole, genesis, contract });
    const votes = await openVoteLog(whole, store);
    t.match({ height: store.head.height, doubt: votes.doubt }, { height: 6, doubt: null });
    await votes.close();
    await store.close();
  },
);

t.test('what crashes leave half made beside the store is no harm', async (t) => {
  const directory = await copyOf(sound);
  for (const name of ['ledger.rebuilt', 'ledger.damaged']) {
    await mkdir(join(directory, name));
    await writeFile(join(directory, name, 'CURRENT'), 'half');
  }
  for (const name of [A, B]) await writeFile(join(directory, `${name}.new`), 'half');
  t.match(await find(t, directory, 'leftovers'), { height: LENGTH, doubt: null, rebuilt: null });
});
