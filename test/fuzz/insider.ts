import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  decodeTransaction,
  encodeTransaction,
  nextNonce,
  signTransaction,
} from '../../consensus/chain/index.ts';
import { fromHex, sign } from '../../consensus/crypto/index.ts';
import { encode } from '../../consensus/encoding/index.ts';
import {
  type Channel,
  decodeEnvelope,
  encodeEnvelope,
  type Received,
  signedDigest,
} from '../../consensus/network/index.ts';
import type { LedgerNode } from '../../consensus/node.ts';
import type { Message, OwnMessage } from '../../consensus/protocol/index.ts';
import {
  alice,
  bob,
  contract,
  genesis,
  START_MS,
  start,
  transfer,
  validatorKeys,
} from '../consensus/chain-fixture.ts';
import { createMemoryNetwork } from '../consensus/network-in-memory.ts';
import { openNode } from '../consensus/village.ts';
import type { Random } from '../simulation/random.ts';
import { decodable, mutated } from './mutate.ts';

export type InsiderReport = {
  readonly sent: Readonly<Record<string, number>>;
  /** Messages that the insider signed as its own. */
  readonly signed: number;
  readonly height: number;
  readonly final: number;
  /** What the honest ones counted, added up. */
  readonly garbage: number;
  readonly notAdmitted: number;
};

/** What may wait in a node, however much is sent: pool and queue are bounded far above honest work. */
const POOL_MAX = 4_096;
const QUEUE_MAX = 4_096;
const TIMING = {
  baseTimeoutMs: 300,
  maxTimeoutMs: 2_000,
  blockIntervalMs: 0,
  allowedSkewMs: 2_000,
  heartbeatMs: 0,
};

/**
 * Three of four validators are honest; the fourth is this. It hears all they say, sends mutations of it under every name
 * there is, and signs what can be signed: as the validator that it is, and as two account holders. The three must stay of
 * one mind, keep what they hold bounded, and make every honest transaction final.
 * @throws Error telling which of this does not hold
 */
export async function fuzzFromInside(random: Random, messages: number): Promise<InsiderReport> {
  const directory = await mkdtemp(join(tmpdir(), 'gridquorum-fuzz-'));
  const network = createMemoryNetwork();
  const insider = validatorKeys[3]!;
  const clock = { utcMs: () => START_MS + Math.round(performance.now()) };
  const failures: unknown[] = [];
  const nodes: LedgerNode[] = [];
  const closing: (() => Promise<void>)[] = [];
  try {
    for (const { address, privateKey } of validatorKeys.slice(0, 3)) {
      const { node, close } = await openNode({
        ...{ directory: join(directory, address), genesis, contract, privateKey, clock, timing: TIMING },
        transport: network.join(address),
        log: () => undefined,
        onFailure: (error) => failures.push(error),
      });
      nodes.push(node);
      closing.push(close);
    }
    return await play();
  } finally {
    for (const close of closing) await close();
    await rm(directory, { recursive: true });
  }

  async function play(): Promise<InsiderReport> {
    const voice = network.join(insider.address);
    const strangers = ['nobody', alice.address, bob.address, ...validatorKeys.map(({ address }) => address)];
    const heard: Received[] = [];
    // Newest in place of any: rounds that are over make poor samples.
    voice.onMessage((message) => {
      if (heard.length < 400) heard.push(message);
      else heard[random.below(heard.length)] = message;
    });
    const sent: Record<string, number> = {};
    let signed = 0;
    const honest: Promise<unknown>[] = [];
    for (let count = 0; count < messages; count += 1) {
      if (count % 40 === 0) honest.push(pay(nodes[(count / 40) % 3]!, count));
      const { channel, payload } = sampleOf(heard);
      const made = channel === 'transaction' ? forgedTransactions(payload) : ownMessage(channel, payload);
      const isOwn = made !== undefined && random.chance(0.7);
      if (isOwn) signed += 1;
      const bytes = isOwn
        ? made
        : mutated(
            payload,
            heard.slice(-8).map((other) => other.payload),
            random,
          );
      const from = isOwn ? insider.address : strangers[random.below(strangers.length)]!;
      const to = nodes[random.below(3)]!.address;
      sent[channel] = (sent[channel] ?? 0) + 1;
      network.say({ channel, from, to, payload: bytes });
      // The honest need their turns, and bounds are to be seen while they are tried.
      if (count % 16 === 0) await turn();
      for (const node of nodes) {
        const { poolSize, queueLength } = node.status();
        if (poolSize > POOL_MAX || queueLength > QUEUE_MAX)
          throw new Error(`${poolSize} pooled, ${queueLength} queued`);
      }
    }
    const final = (await Promise.all(honest)).length;
    await settled();
    if (failures.length > 0) throw new Error(`a node failed: ${failures[0]}`, { cause: failures[0] });
    const counters = nodes.map((node) => node.status().counters);
    const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
    return {
      sent,
      signed,
      height: nodes[0]!.head.height,
      final,
      garbage: sum(counters.map(({ garbage }) => garbage)),
      notAdmitted: sum(counters.map(({ notAdmitted }) => notAdmitted)),
    };
  }

  async function pay(node: LedgerNode, count: number): Promise<void> {
    const args = [fromHex(bob.address), 1n, `honest ${count}`];
    const expiresMs = clock.utcMs() + 3_600_000;
    const submitted = await node.submit({ method: 'accounts.transfer', args, expiresMs });
    if (!submitted.ok) throw new Error(`an honest payment is refused: ${submitted.code}`);
    const outcome = await node.whenFinal(submitted.id, { timeoutMs: 60_000 });
    if (!outcome.ok) throw new Error(`an honest payment fails: ${outcome.code}`);
  }

  function sampleOf(heard: readonly Received[]): { channel: Channel; payload: Uint8Array } {
    const request = { channel: 'sync-request', fromHeight: 1, maxBlocks: 4 } as const;
    if (heard.length === 0 || random.chance(0.05))
      return { channel: 'sync-request', payload: encodeEnvelope(request) };
    if (random.chance(0.2)) return { channel: 'transaction', payload: somebodysTransaction() };
    return heard[random.below(heard.length)]!;
  }

  function somebodysTransaction(): Uint8Array {
    const transaction = transfer(alice, nonceOf(alice), { expiresMs: clock.utcMs() + 60_000 });
    return encodeEnvelope({ channel: 'transaction', transactions: [encodeTransaction(transaction)] });
  }

  /** The one that counts, or one near it. */
  function nonceOf({ address }: { readonly address: string }): number {
    return nextNonce(nodes[0]!.head.state, address) + (random.chance(0.3) ? random.below(3) : 0);
  }

  /** Mutated calls, signed by the account holder they came from: past the gate and into the contract. */
  function forgedTransactions(payload: Uint8Array): Uint8Array | undefined {
    const decoded = decodeEnvelope('transaction', payload);
    if (!decoded.ok || decoded.envelope.channel !== 'transaction') return undefined;
    const [first] = decoded.envelope.transactions;
    if (first === undefined) return undefined;
    const { args, ...rest } = decodeTransaction(first);
    const changed = decodable(mutated(encode(args), [], random));
    const from = random.chance(0.5) ? alice : bob;
    const methods = [rest.method, 'coordination.open', 'coordination.offer', 'metering.record', 'none.such'];
    const method = methods[random.below(methods.length)]!;
    const transaction = signTransaction(
      {
        ...{ ...rest, sender: from.address, nonce: nonceOf(from), method },
        args: Array.isArray(changed) ? changed : args,
      },
      from.privateKey,
    );
    return encodeEnvelope({ channel: 'transaction', transactions: [encodeTransaction(transaction)] });
  }

  /** A mutation that is a message still, signed by the insider as its own: nothing tells it from a true one but what it says. */
  function ownMessage(channel: Channel, payload: Uint8Array): Uint8Array | undefined {
    if (channel !== 'proposal' && channel !== 'vote') return undefined;
    const decoded = decodeEnvelope(channel, mutated(payload, [], random));
    const { envelope } = decoded.ok ? decoded : { envelope: undefined };
    if (envelope === undefined || !('message' in envelope)) return undefined;
    const message = { ...envelope.message, author: insider.address } as OwnMessage;
    const signature = sign(signedDigest(start.genesis, message), insider.privateKey);
    return encodeEnvelope({ ...envelope, message: { ...message, signature } as Message } as typeof envelope);
  }

  /** Of one mind, at one height, with the same state. */
  async function settled(): Promise<void> {
    const deadline = performance.now() + 30_000;
    const heads = () => new Set(nodes.map(({ head }) => `${head.height} ${head.digest} ${head.state.root}`));
    while (heads().size > 1) {
      if (performance.now() > deadline) throw new Error(`never of one mind: ${[...heads()].join(', ')}`);
      await turn();
    }
  }

  function turn(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 2));
  }
}
