import { fromHex, toHex } from '../crypto/index.ts';
import { accounts } from './accounts.ts';
import { readCommittee, seat } from './committee.ts';
import { address, count, hex, list, oneOf, optional, shape } from './fields.ts';
import { firstAddressOf, ownerOfKey, replaceKey } from './keys.ts';
import { method, type Scope } from './method.ts';
import { readNetwork } from './parameters.ts';
import { record } from './record.ts';
import { reject, require } from './rejection.ts';
import { MOTIONS, onSameQuestion, standingVotes, type Tally, tallyVote, type Vote } from './tally.ts';
import { type ContractState, VALIDATORS_MAX, type Validator } from './types.ts';

/** Of one signer: whoever votes on more questions takes votes back first. Bounds the record of them. */
const STANDING_MAX = 16;

/** How votes are counted, by itself: for audits and for other ledgers of this meaning. */
export { tallyVote };

const asked = { motion: oneOf(MOTIONS), target: address, publicKey: optional(hex(33)) };
const votes = record('governance/votes', {
  /** Of the block that holds the newest. */
  height: count(0, Number.MAX_SAFE_INTEGER),
  standing: list(shape({ signer: address, ...asked }), 0, STANDING_MAX * VALIDATORS_MAX),
});

/** The votes that a block at this height would find standing. */
export function readVotes(state: Pick<ContractState, 'get'>, height: number): readonly Vote[] {
  const { epochBlocks } = readNetwork(state);
  return standingVotes(readTally(state), { height, epochBlocks });
}

/** Who gets a seat by one vote more, with the key that is proposed; votes of an epoch that is over count here too. */
export function nomineesOf(state: Pick<ContractState, 'get'>): readonly Validator[] {
  const { validators, votes: all } = readTally(state);
  const adds = all.filter(({ motion }) => motion === 'add');
  const isNear = ({ target }: Vote) =>
    2 * (adds.filter((other) => other.target === target).length + 1) > validators.length;
  return adds
    .filter(isNear)
    .map(({ target, publicKey }) => ({ address: target, publicKey: fromHex(publicKey!) }));
}

/**
 * `governance.vote(motion, target, publicKey)`: a validator's vote to give the target a seat (`add`) or take it (`drop`),
 * to take its key (`revoke`; the seat goes with it) or to give it another after that (`rekey`). tally.ts says how they
 * are counted. A newcomer is named with the key it signs with, and gets an account if it has none.
 */
export const vote = method({
  roles: ['validator'],
  fields: asked,
  run(scope, args) {
    const { state, sender, height, network, emit } = scope;
    const cast: Vote = { signer: sender, ...args };
    checkForm(cast);
    const before = readTally(state);
    const targetRevoked = accounts.get(state, cast.target)?.publicKey === null;
    const tallied = tallyVote(before, cast, { height, epochBlocks: network.epochBlocks, targetRevoked });
    if (!tallied.ok) {
      if (tallied.fault === 'no-seat') reject('CONTRACT_WRONG_ROLE', `${sender} has no seat`);
      reject('CONTRACT_NEXT_BLOCK', 'a block holds one vote, and this one has it');
    }
    checkTarget(state, cast);
    const { tally, passed } = tallied;
    const standing = readVotes(state, height);
    const own = (among: readonly Vote[]) =>
      among.find((other) => other.signer === sender && onSameQuestion(other, cast));
    const counted = own(tally.votes);
    if (passed === null && nameOf(own(standing)) === nameOf(counted)) {
      reject(
        'CONTRACT_ALREADY_EXISTS',
        'the vote changes nothing: it stands already, or asks for what is so',
      );
    }
    const many = tally.votes.filter(({ signer }) => signer === sender).length > STANDING_MAX;
    require(!many, 'CONTRACT_OUT_OF_RANGE', `more than ${STANDING_MAX} votes of one validator`);
    emit('governance.voted', { signer: sender, motion: cast.motion, target: cast.target });
    votes.put(state, { height: tally.height, standing: tally.votes });
    if (passed !== null) carryOut(scope, passed, tally);
  },
});

function readTally(state: Pick<ContractState, 'get'>): Tally {
  const { height, standing } = votes.get(state) ?? { height: 0, standing: [] };
  return { height, validators: readCommittee(state).members, votes: standing };
}

/** What can be told without the state. */
function checkForm({ motion, publicKey }: Vote): void {
  const needsKey = motion === 'add' || motion === 'rekey';
  if (!needsKey) {
    require(publicKey === null, 'CONTRACT_BAD_ARGUMENTS', `${motion} goes without a key`);
    return;
  }
  const isKey = publicKey !== null && firstAddressOf(publicKey) !== undefined;
  require(isKey, 'CONTRACT_BAD_ARGUMENTS', `${motion} names a public key`);
}

/** Whether the vote could be carried out. A key that serves one account, or did, is no other's. */
function checkTarget(state: ContractState, { motion, target, publicKey }: Vote): void {
  const account = accounts.get(state, target);
  const owner = publicKey === null ? undefined : ownerOfKey(state, publicKey);
  if (owner !== undefined && owner !== target) {
    reject('CONTRACT_ALREADY_EXISTS', `the key serves or has served ${owner}`);
  }
  if (motion === 'drop') return;
  if (account === undefined) {
    require(motion === 'add', 'CONTRACT_UNKNOWN_ACCOUNT', `${target} has no account`);
    const isItsOwn = firstAddressOf(publicKey!) === target;
    require(isItsOwn, 'CONTRACT_BAD_ARGUMENTS', 'a new account has the address of its key');
    return;
  }
  const signsWith = account.publicKey === null ? null : toHex(account.publicKey);
  if (motion === 'add') {
    require(publicKey === signsWith, 'CONTRACT_NOT_QUALIFIED', `${target} does not sign with this key`);
  }
  if (motion === 'rekey') {
    const isUsedUp = owner === target && publicKey !== signsWith;
    require(!isUsedUp, 'CONTRACT_ALREADY_EXISTS', 'a key that was revoked or replaced stays so');
  }
}

function carryOut({ state, height, emit }: Scope, passed: Vote, { validators }: Tally): void {
  const { motion, target, publicKey } = passed;
  // What passes may be an older vote that this one has touched: the key it names may have been taken since.
  checkTarget(state, passed);
  require(validators.length > 0, 'CONTRACT_OUT_OF_RANGE', 'a committee has one member at least');
  require(validators.length <=
    VALIDATORS_MAX, 'CONTRACT_OUT_OF_RANGE', `a committee has ${VALIDATORS_MAX} members at most`);
  if (motion === 'add' && accounts.get(state, target) === undefined) {
    accounts.put(state, { roles: [], balanceMicro: 0n, publicKey: fromHex(publicKey!) }, target);
    replaceKey(state, target, publicKey!);
  }
  if (motion === 'revoke') {
    accounts.put(state, { ...accounts.get(state, target)!, publicKey: null }, target);
  }
  if (motion === 'rekey') replaceKey(state, target, publicKey!);
  const { members } = readCommittee(state);
  if (members.length !== validators.length) seat(state, validators, height);
  emit(PASSED[motion], { target, validators: validators.length });
}

const PASSED = {
  add: 'governance.added',
  drop: 'governance.dropped',
  revoke: 'governance.revoked',
  rekey: 'governance.rekeyed',
} as const;

function nameOf(known: Vote | undefined): string {
  return known === undefined ? '' : `${known.motion} ${known.publicKey}`;
}
