import type { Block, Head } from '../../consensus/chain/index.ts';
import { toHex } from '../../consensus/crypto/index.ts';

/**
 * Who has a seat and which key he signs with, counted by hand from final blocks, as EIP-225 means it: the newest vote of
 * a signer on a target counts, more than half of the seats decide, who is dropped takes his votes along, an epoch clears
 * all. Keys are a question of their own; who loses his key loses his seat.
 */
export type Seats = { readonly after: (block: Block) => void; readonly taken: () => string };

type Cast = { readonly signer: string; readonly target: string; readonly motion: string };

/** @param keys by address: what every account signs with at the start */
export function createSeats(
  founders: readonly string[],
  keys: ReadonlyMap<string, string>,
  epochBlocks: number,
): Seats {
  const signsWith = new Map<string, string | null>(keys);
  let taken = [...founders].sort();
  let votes = new Map<string, Cast>();

  const isOpen = ({ motion, target }: Cast): boolean => {
    if (motion === 'add' || motion === 'drop') return taken.includes(target) === (motion === 'drop');
    return (signsWith.get(target) === null) === (motion === 'rekey');
  };
  const vote = (cast: Cast, key: string | null) => {
    const { signer, motion, target } = cast;
    const isAboutSeat = motion === 'add' || motion === 'drop';
    const question = `${isAboutSeat} ${target}`;
    const opens = isOpen(cast);
    votes.delete(`${signer} ${question}`);
    if (opens) votes.set(`${signer} ${question}`, cast);
    const behind = [...votes.keys()].filter((name) => name.endsWith(question)).length;
    if (!opens || 2 * behind <= taken.length) return;
    const leaves = motion === 'drop' || motion === 'revoke';
    taken = taken.filter((seat) => seat !== target || !leaves);
    if (motion === 'add') taken = [...taken, target].sort();
    if (motion === 'revoke') signsWith.set(target, null);
    if (motion === 'rekey') signsWith.set(target, key);
    const isOver = ([name, other]: [string, Cast]) =>
      motion === 'revoke' ? other.target === target : name.endsWith(question);
    votes = new Map([...votes].filter((entry) => !isOver(entry) && !(leaves && entry[1].signer === target)));
  };

  return {
    after({ header, transactions }) {
      if (header.height % epochBlocks === 0) votes = new Map();
      for (const { method, sender, args } of transactions) {
        const [first, target, third] = args;
        if (method === 'accounts.rotateKey' && first instanceof Uint8Array)
          signsWith.set(sender, toHex(first));
        if (method === 'governance.vote' && typeof first === 'string' && target instanceof Uint8Array)
          vote(
            { signer: sender, motion: first, target: toHex(target) },
            third instanceof Uint8Array ? toHex(third) : null,
          );
      }
    },
    taken: () => taken.map((address) => `${address} ${signsWith.get(address)}`).join(', '),
  };
}

/** The same of a head. */
export function seatsOf({ validators }: Pick<Head, 'validators'>): string {
  return validators.map(({ address, publicKey }) => `${address} ${toHex(publicKey)}`).join(', ');
}
