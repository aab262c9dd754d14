import {
  assembleBlock,
  type Block,
  blockDigest,
  type Certificate,
  type Contract,
  executeBlock,
  type FinalBlock,
  type Genesis,
  gatherCertificate,
  genesisHead,
  type Head,
  type SignedTransaction,
  signSeal,
  signTransaction,
} from '../../consensus/chain/index.ts';
import { contract as shipped } from '../../consensus/contract/index.ts';
import { fromHex } from '../../consensus/crypto/index.ts';
import type { CborValue } from '../../consensus/encoding/index.ts';
import { type NodeKey, nodeKeyOf } from '../../consensus/store/index.ts';

/** Four validators and two homes with money, under the contract that is shipped. */

export const contract: Contract = shipped;
export const START_MS = 1_767_225_600_000;

export const memberKeys: readonly NodeKey[] = [1, 2, 3, 4, 5, 6]
  .map((number) => nodeKeyOf(fromHex(number.toString(16).padStart(64, '0'))))
  .sort((left, right) => (left.address < right.address ? -1 : 1));
export const validatorKeys = memberKeys.slice(0, 4);
export const [alice, bob] = memberKeys.slice(4) as [NodeKey, NodeKey];

export const genesis: Genesis = {
  network: 'test-street',
  currency: 'EUR',
  timeMs: START_MS,
  slotMs: 300_000,
  validators: validatorKeys.map(({ address, publicKey }) => ({ address, publicKey })),
  accounts: memberKeys.map(({ address, publicKey }) => ({
    address,
    publicKey,
    roles: ['prosumer'],
    balanceMicro: 1_000_000n,
  })),
  parameters: {},
};

export const start: Head = genesisHead(genesis, contract);

export function transfer(
  from: NodeKey,
  nonce: number,
  content: { to?: string; amountMicro?: bigint; memo?: string; expiresMs?: number; genesis?: string } = {},
): SignedTransaction {
  const { to = from === alice ? bob.address : alice.address, amountMicro = 10n, memo = '' } = content;
  const args: CborValue[] = [fromHex(to), amountMicro, memo];
  const { expiresMs = START_MS + 3_600_000, genesis: chain = start.genesis } = content;
  return signTransaction(
    { genesis: chain, sender: from.address, nonce, method: 'accounts.transfer', args, expiresMs },
    from.privateKey,
  );
}

export function sealed(
  head: Pick<Head, 'genesis' | 'validators'>,
  block: Block,
  { round = 0, signers = validatorKeys }: { round?: number; signers?: readonly NodeKey[] } = {},
): Certificate {
  const { height } = block.header;
  const subject = { genesis: head.genesis, height, round, digest: blockDigest(block.header) };
  const commits = signers.map(({ address, privateKey }) => ({
    author: address,
    signature: signSeal(subject, privateKey),
  }));
  return gatherCertificate(commits, { round, validators: head.validators });
}

/** A final block of these transactions on top of `head`, and what it makes of it. */
export function finalBlock(head: Head, transactions: readonly SignedTransaction[]) {
  const proposer = head.validators[head.height % head.validators.length]!.address;
  return sealedBlock(head, transactions, {
    ...{ rules: contract, signers: validatorKeys },
    ...{ proposer, timeMs: head.header.timeMs + 1_000 },
  });
}

/** The same under any contract, sealed by those of `signers` that have a seat. */
export function sealedBlock(
  head: Head,
  transactions: readonly SignedTransaction[],
  {
    rules,
    signers,
    ...place
  }: { rules: Contract; signers: readonly NodeKey[]; proposer: string; timeMs: number },
) {
  const { block, dropped } = assembleBlock(head, transactions, place, rules);
  if (dropped.length > 0) throw new Error(`dropped: ${dropped[0]?.code} ${dropped[0]?.reason}`);
  const executed = executeBlock(head, block, rules);
  if (!executed.ok) throw new Error(executed.reason);
  const final: FinalBlock = { block, certificate: sealed(head, block, { signers }) };
  return { final, executed, next: executed.next };
}

/** A chain of `length` blocks, each with a transfer both ways. */
export function chainOf(length: number) {
  const blocks: ReturnType<typeof finalBlock>[] = [];
  let head = start;
  for (let nonce = 0; nonce < length; nonce++) {
    const built = finalBlock(head, [transfer(alice, nonce), transfer(bob, nonce, { amountMicro: 3n })]);
    blocks.push(built);
    head = built.next;
  }
  return blocks;
}
