import type { Block } from '../../consensus/chain/index.ts';
import { toHex } from '../../consensus/crypto/index.ts';

/**
 * Who has a seat, counted by hand from the votes in final blocks, as EIP-225 means it: the newest vote of a signer on a
 * target counts, more than half of the seats decide, who is dropped takes his votes along, an epoch clears all.
 */
export type Seats = { readonly after: (block: Block) => void; readonly taken: () => readonly string[] };

export function createSeats(founders: readonly string[], epochBlocks: number): Seats {
  let taken = [...founders].sort();
  let votes = new Map<string, { signer: string; target: string; motion: string }>();
  const vote = (signer: string, motion: string, target: string) => {
    const isOpen = taken.includes(target) === (motion === 'drop');
    votes.delete(`${signer} ${target}`);
    if (isOpen) votes.set(`${signer} ${target}`, { signer, target, motion });
    const behind = [...votes.values()].filter((other) => other.target === target).length;
    if (!isOpen || 2 * behind <= taken.length) return;
    taken = motion === 'drop' ? taken.filter((seat) => seat !== target) : [...taken, target].sort();
    votes = new Map(
      [...votes].filter(
        ([, other]) => other.target !== target && (motion !== 'drop' || other.signer !== target),
      ),
    );
  };
  return {
    after({ header, transactions }) {
      if (header.height % epochBlocks === 0) votes = new Map();
      for (const { method, sender, args } of transactions) {
        const [motion, target] = args;
        if (method === 'governance.vote' && typeof motion === 'string' && target instanceof Uint8Array)
          vote(sender, motion, toHex(target));
      }
    },
    taken: () => taken,
  };
}
