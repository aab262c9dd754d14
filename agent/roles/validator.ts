import * as z from 'zod';
import {
  addressOf,
  ConsensusError,
  type Motion,
  ownerOfKey,
  readAccount,
  readNetwork,
  toHex,
} from '../../consensus/index.ts';
import { type CommitteeAnswer, committeeAnswer } from '../diagnostics/committee-answer.ts';
import { AgentError } from '../errors.ts';
import type { Home } from '../home.ts';
import { order } from '../ledger.ts';

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));
const ballot = z.strictObject({
  motion: z.enum(['add', 'drop', 'revoke', 'rekey']),
  target: hex(20).nullable(),
  publicKey: hex(33).nullable(),
});

/** `target` null: the account of the key. */
export type Ballot = {
  readonly motion: Motion;
  readonly target: string | null;
  readonly publicKey: string | null;
};

/** What has become of a vote, and how things stand after it. */
export type VoteAnswer = {
  readonly height: number;
  /** Its block was the last of an epoch and did not decide the question: no vote on it stands any more. */
  readonly isVoid: boolean;
  readonly committee: CommitteeAnswer;
};

/**
 * Votes in the owner's name on who has a seat, and on lost keys. Resolves once the vote is final.
 *
 * @throws AgentError AGENT_BAD_DATA for what is no ballot; AGENT_REFUSED, AGENT_TIMEOUT as `order`.
 */
export async function castVote(home: Home, asked: unknown): Promise<VoteAnswer> {
  const parsed = ballot.safeParse(asked);
  if (!parsed.success) throw new AgentError('AGENT_BAD_DATA', 'That is no ballot.');
  const cast = addressed(home, parsed.data);
  const { height } = await order(home, 'governance.vote', cast).catch((error: unknown) => {
    throw inVain(home, cast) && isRefusedAs(error, 'CONTRACT_ALREADY_EXISTS')
      ? new AgentError(
          'AGENT_REFUSED',
          `${cast.target} has no seat: there is none to take.`,
          {},
          { cause: error },
        )
      : error;
  });
  const { epochBlocks } = readNetwork(home.node.head.state);
  const isVoid = (height + 1) % epochBlocks === 0 && !isSo(home, cast);
  return { height, isVoid, committee: committeeAnswer(home) };
}

/** Whether what is voted for is the case. */
function isSo({ node }: Home, { motion, target, publicKey }: Cast): boolean {
  const { state, validators } = node.head;
  const key = readAccount(state, target)?.publicKey ?? null;
  switch (motion) {
    case 'add':
    case 'drop':
      return validators.some(({ address }) => address === target) === (motion === 'add');
    case 'revoke':
    case 'rekey':
      return (key && toHex(key)) === publicKey;
    default:
      return motion satisfies never;
  }
}

/** The contract takes it, as it takes back a vote for a seat; without one it changes nothing. */
const inVain = ({ node }: Home, { motion, target }: { readonly motion: Motion; readonly target: string }) =>
  motion === 'drop' && !node.head.validators.some(({ address }) => address === target);

const isRefusedAs = (error: unknown, code: string): boolean =>
  error instanceof AgentError && error.code === 'AGENT_REFUSED' && error.details.code === code;

type Cast = Ballot & { readonly target: string };

/** A key that serves nobody yet makes an account of its own address. */
function addressed({ node }: Home, { motion, target, publicKey }: Ballot): Cast {
  if (publicKey === null) {
    if (target === null) throw new AgentError('AGENT_BAD_DATA', 'That ballot names neither account nor key.');
    return { motion, target, publicKey };
  }
  try {
    const own = addressOf(Buffer.from(publicKey, 'hex'));
    return { motion, target: target ?? ownerOfKey(node.head.state, publicKey) ?? own, publicKey };
  } catch (cause) {
    if (!(cause instanceof ConsensusError)) throw cause;
    throw new AgentError(
      'AGENT_BAD_DATA',
      `${publicKey} is no public key: it is no point of the curve secp256k1.`,
      {},
      { cause },
    );
  }
}
