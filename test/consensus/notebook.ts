import {
  type Contract,
  type Genesis,
  genesisHead,
  type Head,
  type SignedTransaction,
  type StateTree,
  signTransaction,
} from '../../consensus/chain/index.ts';
import { fromHex, toHex } from '../../consensus/crypto/index.ts';
import { type CborValue, decode, encode } from '../../consensus/encoding/index.ts';
import { type NodeKey, nodeKeyOf } from '../../consensus/store/index.ts';
import { sealedBlock } from './chain-fixture.ts';

/**
 * A ledger that keeps notes of any size, counts words, refuses some, and whose committee anybody may set: for what the
 * rules that are shipped would be in the way of.
 */

export const NOTES_START_MS = 1_767_225_600_000;

/** Sorted by address. */
export const noteKeys: readonly NodeKey[] = Array.from({ length: 8 }, (_, index) =>
  nodeKeyOf(fromHex((index + 1).toString(16).padStart(64, '0'))),
).sort((left, right) => (left.address < right.address ? -1 : 1));

const accountOf = (address: string) => `account/${address}`;
const countEntry = (sender: string, word: string) => `count/${sender}/${word}`;

/** How often the word was said by `notes.say`, `notes.later` or `notes.once`. */
export function timesSaid(state: Pick<StateTree, 'get'>, sender: string, word: string): number {
  return state.get(countEntry(sender, word))?.length ?? 0;
}

export const notebook: Contract = {
  genesisEntries: ({ accounts, validators }) => [
    ...accounts.map(({ address, publicKey }): [string, Uint8Array] => [accountOf(address), publicKey]),
    ['committee', encode(validators.map(({ address }) => fromHex(address)))],
  ],
  publicKeyOf: (state, address) => state.get(accountOf(address)),
  nomineesOf: () => [],
  seatedAt: () => 0,
  validatorsOf(state) {
    const members = decode(state.get('committee')!) as readonly Uint8Array[];
    return members.map((member) => ({
      address: toHex(member),
      publicKey: state.get(accountOf(toHex(member)))!,
    }));
  },
  applyCall(state, { sender, method, args }, { timeMs }) {
    switch (method) {
      case 'accounts.skip':
        return { ok: true, events: [] };
      case 'committee.set':
        state.set('committee', encode(args[0]!));
        return { ok: true, events: [] };
      case 'notes.write':
        state.set(`note/${args[0]}`, args[1] as Uint8Array);
        return { ok: true, events: [] };
      case 'notes.say':
        break;
      case 'notes.later':
        if (timeMs < NOTES_START_MS + 1_500)
          return { ok: false, code: 'CONTRACT_TOO_EARLY', reason: 'not yet' };
        break;
      case 'notes.once':
        if (state.get(`once/${args[0]}`) !== undefined)
          return { ok: false, code: 'CONTRACT_ALREADY_EXISTS', reason: 'said before' };
        state.set(`once/${args[0]}`, new Uint8Array(1));
        break;
      default:
        return { ok: false, code: 'CONTRACT_UNKNOWN_METHOD', reason: method };
    }
    const word = String(args[0]);
    state.set(countEntry(sender, word), new Uint8Array(timesSaid(state, sender, word) + 1));
    return { ok: true, events: [{ name: 'notes.said', fields: { word } }] };
  },
};

export function notesGenesis(epochBlocks = 1_000, validators = 4): Genesis {
  const people = noteKeys.map(({ address, publicKey }) => ({ address, publicKey }));
  return {
    network: 'notebook',
    currency: 'EUR',
    timeMs: NOTES_START_MS,
    slotMs: 300_000,
    validators: people.slice(0, validators),
    accounts: people.map((person) => ({ ...person, roles: [], balanceMicro: 0n })),
    parameters: { epochBlocks: BigInt(epochBlocks) },
  };
}

export type Written = ReturnType<typeof writtenBlock>;

/** A final block of these transactions, sealed by everybody who has a seat. */
export function writtenBlock(head: Head, transactions: readonly SignedTransaction[], stepMs = 1_000) {
  const proposer = head.validators[0]!.address;
  const timeMs = head.header.timeMs + stepMs;
  return sealedBlock(head, transactions, { rules: notebook, signers: noteKeys, proposer, timeMs });
}

export function noted(
  { genesis, state }: { readonly genesis: string; readonly state: StateTree },
  method: string,
  args: readonly CborValue[],
  { key = noteKeys[0]!, ahead = 0 } = {},
): SignedTransaction {
  const nonce = nonceOf(state, key.address) + ahead;
  const expiresMs = NOTES_START_MS + 400 * 86_400_000;
  const content = { genesis, sender: key.address, nonce, method, args, expiresMs };
  return signTransaction(content, key.privateKey);
}

function nonceOf(state: StateTree, address: string): number {
  const stored = state.get(`chain/nonce/${address}`);
  return stored === undefined ? 0 : Number(decode(stored));
}

export type Plan = {
  readonly genesis: Genesis;
  readonly length: number;
  /** Who has a seat from a height on, by their places among `noteKeys`. */
  readonly committees?: Readonly<Record<number, readonly number[]>>;
  readonly noteBytes?: number;
  readonly stepMs?: number;
};

/** A chain in which every block writes a note. */
export function notesChain({ genesis, length, committees = {}, noteBytes = 40, stepMs }: Plan) {
  const start = genesisHead(genesis, notebook);
  const blocks: Written[] = [];
  let head = start;
  for (let height = 1; height <= length; height += 1) {
    const seats = committees[height];
    const note = new Uint8Array(noteBytes).fill(height);
    const transactions = [noted(head, 'notes.write', [`number ${height}`, note])];
    if (seats !== undefined) {
      const members = seats.map((place) => fromHex(noteKeys[place]!.address));
      transactions.push(noted(head, 'committee.set', [members], { ahead: 1 }));
    }
    const written = writtenBlock(head, transactions, stepMs);
    blocks.push(written);
    head = written.next;
  }
  return { start, blocks, head };
}
