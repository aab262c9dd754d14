import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Contract, Genesis } from '../../consensus/chain/index.ts';
import { type LedgerNode, type NodeOptions, type NodeTiming, startNode } from '../../consensus/node.ts';
import {
  type LedgerStore,
  type NodeKey,
  openLedgerStore,
  openVoteLog,
  type VoteLog,
} from '../../consensus/store/index.ts';
import { until } from '../peers/processes.ts';
import { createMemoryNetwork, type MemoryNetwork, type MemoryTransport } from './network-in-memory.ts';

/** Longest that anything honest takes here, on a machine that has other things to do. */
export const WAIT_MS = 20_000;

export const TIMING: NodeTiming = {
  baseTimeoutMs: 400,
  maxTimeoutMs: 3_000,
  blockIntervalMs: 0,
  allowedSkewMs: 2_000,
  heartbeatMs: 0,
};

/** What a node signs with. `address` where that is not its first key. */
export type MemberKeys = Pick<NodeOptions, 'privateKey' | 'nextPrivateKey' | 'address'>;

/** One node of a village. What it is made of is replaced by every `open`; what it has said stays. */
export type Member = OpenNode & {
  /** Its address, and its directory's name. */
  readonly name: string;
  readonly key: NodeKey;
  keys: MemberKeys;
  transport: MemoryTransport;
  failures: unknown[];
  readonly events: string[];
};

/** Whole nodes over stores of their own, in one process and on one network. */
export type Village = {
  readonly members: readonly Member[];
  readonly network: MemoryNetwork;
  /** Each member's is below it, under its name. */
  readonly directory: string;
  /** Everybody's. */
  readonly clock: { nowMs: number };
  readonly open: (member: Member) => Promise<void>;
  readonly close: (member: Member) => Promise<void>;
};

export type VillagePlan = {
  readonly genesis: Genesis;
  readonly contract: Contract;
  /** One node each, with an account or without. */
  readonly keys: readonly NodeKey[];
  /** How many of them are there from the beginning; absent: all. */
  readonly present?: number;
  readonly timing?: Partial<NodeTiming>;
};

/** Closed, and its directory removed, with the test. */
export async function settle(t: Test, plan: VillagePlan): Promise<Village> {
  const { genesis, contract, keys, present = keys.length } = plan;
  const directory = await mkdtemp(join(tmpdir(), 'gridquorum-village-'));
  const network = createMemoryNetwork();
  const clock = { nowMs: genesis.timeMs + 1_000 };
  const open = async (member: Member) => {
    member.transport = network.join(member.name);
    const opened = await openNode({
      directory: join(directory, member.name),
      ...member.keys,
      ...{ genesis, contract },
      transport: member.transport,
      clock: { utcMs: () => clock.nowMs },
      timing: { ...TIMING, ...plan.timing },
      log: ({ event }) => member.events.push(event),
      onFailure: (error) => member.failures.push(error),
    });
    Object.assign(member, opened);
  };
  const members = keys.map(
    (key) =>
      ({
        name: key.address,
        key,
        keys: { privateKey: key.privateKey },
        failures: [],
        events: [],
      }) as unknown as Member,
  );
  t.teardown(async () => {
    // What a test has closed already is closed.
    for (const member of members) await member.close?.().catch(() => undefined);
    await rm(directory, { recursive: true });
  });
  for (const member of members.slice(0, present)) await open(member);
  return { members, network, directory, clock, open, close: (member) => member.close() };
}

type OpenNode = {
  node: LedgerNode;
  store: LedgerStore;
  voteLog: VoteLog;
  close: () => Promise<void>;
};

/** A node over its store and its record of votes in one directory, as the agent opens it. */
export async function openNode({
  directory,
  ...options
}: Omit<NodeOptions, 'store' | 'voteLog'> & { readonly directory: string }): Promise<OpenNode> {
  const { genesis, contract } = options;
  const store = await openLedgerStore({ directory, genesis, contract });
  const voteLog = await openVoteLog(directory, store);
  const node = await startNode({ ...options, store, voteLog });
  const close = async () => {
    await node.stop();
    await voteLog.close();
    await store.close();
  };
  return { node, store, voteLog, close };
}

/** At or above the highest of them, and at one block: its digest binds the state. */
export async function agree(members: readonly Member[]): Promise<void> {
  const height = Math.max(...members.map(({ node }) => node.head.height));
  const isOne = () => new Set(members.map(({ node }) => node.head.digest)).size === 1;
  await until(
    `one head for all from ${height} on`,
    () => members[0]!.node.head.height >= height && isOne(),
    WAIT_MS,
  );
}
