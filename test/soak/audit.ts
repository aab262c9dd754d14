import { blockDigest } from '../../consensus/chain/index.ts';
import { type Block, contract, openLedgerStore, parseGenesis } from '../../consensus/index.ts';
import type { Record } from './kill-soak.ts';
import type { VoteBook } from './vote-book.ts';

export type Audit = { readonly lost: number; readonly blocks: number; readonly faults: readonly string[] };

/** Reads all stores, none of them in use, and holds them against each other and against what was promised. */
export async function auditStores(
  directories: readonly string[],
  { genesis, record, book }: { readonly genesis: string; readonly record: Record; readonly book: VoteBook },
): Promise<Audit> {
  const faults: string[] = [];
  const missing = new Set<string>();
  const heads = new Set<string>();
  const digests = new Map<number, string>();
  let blocks = 0;
  for (const directory of directories) {
    const store = await openLedgerStore({ directory, genesis: parseGenesis(genesis), contract });
    if (store.recovery !== null) faults.push(`${directory}: ${store.recovery.reason}`);
    const heightOf = new Map<string, number>();
    for (let height = 1; height <= store.head.height; height += 1) {
      const read = await store.readBlock(height);
      if (!read.ok) {
        faults.push(`${directory}: block ${height} is missing`);
        continue;
      }
      const final = read.found;
      const digest = blockDigest(final.block.header);
      if ((digests.get(height) ?? digest) !== digest) faults.push(`two blocks at height ${height}`);
      digests.set(height, digest);
      const { round, seals } = final.certificate;
      for (const { signer, signature } of seals) {
        const author = parseGenesis(genesis).validators[signer]!.address;
        book.note({ kind: 'commit', height, round, digest, author, signature } as never);
      }
      for (const memo of memosOf(final.block)) {
        if (heightOf.has(memo)) {
          faults.push(`${memo} stands in the chain twice`);
          missing.add(memo);
        }
        heightOf.set(memo, height);
      }
    }
    for (const memo of record.accepted) if (!heightOf.has(memo)) missing.add(memo);
    for (const [memo, height] of record.confirmed) if (heightOf.get(memo) !== height) missing.add(memo);
    heads.add(`${store.head.digest} ${store.head.state.root}`);
    blocks = Math.max(blocks, store.head.height);
    await store.close();
  }
  if (heads.size > 1) faults.push(`${heads.size} heads`);
  for (const memo of missing) faults.push(`${memo} was promised and is not in every store`);
  return { lost: missing.size, blocks, faults };
}

function memosOf({ transactions }: Block): string[] {
  return transactions
    .filter(({ method }) => method === 'accounts.transfer')
    .map(({ args }) => String(args[2]));
}
