import type {
  Effect,
  Event,
  Message,
  OwnMessage,
  State,
  Step,
  VoteRecord,
} from '../../consensus/protocol/index.ts';
import type { Agenda } from './agenda.ts';
import type { Random } from './random.ts';
import type { Core } from './simulation.ts';
import type { Witness } from './witness.ts';

/** The network and the fate that a simulated node is exposed to. */
export type Wire = {
  readonly send: (from: SimulatedNode, to: SimulatedNode, deliver: () => void) => void;
  readonly nodes: () => readonly SimulatedNode[];
  readonly crashesNow: () => boolean;
  readonly onFinal: (node: SimulatedNode) => void;
};

/** A block stands for its author, its birth and nothing else. */
type Block = { readonly digest: string; readonly author: string; readonly bornMs: number };

export type SimulatedNode = {
  readonly place: number;
  readonly address: string;
  readonly height: () => number;
  readonly start: () => void;
  /** Something is pending. */
  readonly remind: () => void;
  readonly hear: (message: Message, block: Block | null) => void;
  readonly hearFinal: (height: number, blocks: readonly Block[]) => void;
  readonly askedForFinal: (by: SimulatedNode, height: number) => void;
  readonly crash: (downMs: number) => void;
  /** Crash, and come back without any record of own votes. */
  readonly loseDisk: () => void;
};

export type SimulatedNodeOptions = {
  readonly core: Core;
  readonly place: number;
  readonly address: string;
  readonly addresses: readonly string[];
  readonly agenda: Agenda;
  readonly random: Random;
  readonly wire: Wire;
  readonly witness: Witness;
};

const TIMING = { baseTimeoutMs: 400, maxTimeoutMs: 6_400, blockIntervalMs: 100, heartbeatMs: 0 };
const NO_SIGNATURE = new Uint8Array(0);

/** A pump around the core under test: the same order of doing things as the real one, in virtual time. */
export function createSimulatedNode(options: SimulatedNodeOptions): SimulatedNode {
  const { core, place, address, addresses, agenda, random, wire, witness } = options;
  const disk = { votes: [] as VoteRecord[], chain: [] as Block[], syncedBlocks: 0, votesLost: false };
  const blocks = new Map<string, Block>();
  let state: State | null = null;
  let life = 0;
  let born = 0;
  let startedMs = 0;
  let undecidable: { height: number; digest: string } | null = null;

  const head = () => ({
    height: disk.chain.length,
    proposer: disk.chain.at(-1)?.author ?? null,
    validators: addresses,
  });

  const take = (event: Event) => {
    if (state !== null) carryOut(core.step(state, event));
  };

  const carryOut = ({ state: next, effects }: Step) => {
    state = next;
    for (const effect of effects) {
      // A crash before, or half-way through, a write: nothing after it happens.
      if (effect.kind === 'persist' && wire.crashesNow()) {
        if (random.chance(0.5)) disk.votes.push(...effect.records);
        node.crash(random.between(1, 1_000));
      }
      if (state === null) return;
      perform(effect);
    }
  };

  const perform = (effect: Effect) => {
    switch (effect.kind) {
      case 'persist':
        disk.votes.push(...effect.records);
        break;
      case 'broadcast': {
        const message = sign(effect.message);
        for (const other of wire.nodes()) if (other !== node) say(other, message);
        if (message.kind !== 'proposal') later(0, () => take({ kind: 'message', message }));
        break;
      }
      case 'send':
        for (const other of wire.nodes()) if (other.address === effect.to) say(other, sign(effect.message));
        break;
      case 'schedule': {
        const { timer, height, round } = effect;
        later(effect.delayMs, () => take({ kind: 'timeout', timer, height, round }));
        break;
      }
      case 'build-block': {
        const { height, round } = effect;
        born += 1;
        const digest = `${height}:${place}:${born}`;
        blocks.set(digest, { digest, author: address, bornMs: agenda.nowMs() });
        later(random.between(0, 20), () => take({ kind: 'built', height, round, digest }));
        break;
      }
      case 'check-block': {
        const block = blocks.get(effect.digest);
        const valid = block !== undefined && (effect.author === null || effect.author === block.author);
        later(random.between(0, 20), () => take({ kind: 'checked', digest: effect.digest, valid }));
        break;
      }
      case 'finalise': {
        witness.finalised(effect.height, effect.digest, effect.commits);
        const block = blocks.get(effect.digest);
        if (block === undefined) {
          undecidable = { height: effect.height, digest: effect.digest };
          ask();
        } else {
          advance(block);
          wire.onFinal(node);
        }
        break;
      }
      case 'hear-again':
        for (const message of effect.messages) take({ kind: 'message', message });
        break;
      case 'resend-pool':
        for (const other of wire.nodes()) wire.send(node, other, () => other.remind());
        break;
      case 'ask-sync':
        ask();
        break;
      case 'offer-sync':
        for (const other of wire.nodes()) if (other.address === effect.to) tell(other, effect.height);
        break;
      default:
        effect satisfies never;
    }
  };

  const later = (delayMs: number, action: () => void) => {
    const mine = life;
    agenda.plan(delayMs, () => {
      if (mine === life && state !== null) action();
    });
  };

  const sign = (message: OwnMessage): Message => {
    witness.leaves(message, disk.votes);
    return { ...message, signature: NO_SIGNATURE } as Message;
  };

  const say = (other: SimulatedNode, message: Message) => {
    const digest = digestOf(message);
    const carries = message.kind === 'proposal' || message.kind === 'round-change';
    const block = carries && digest !== undefined ? (blocks.get(digest) ?? null) : null;
    wire.send(node, other, () => other.hear(message, block));
  };

  const ask = () => {
    const height = disk.chain.length + 1;
    const other = wire.nodes()[random.below(wire.nodes().length)]!;
    wire.send(node, other, () => other.askedForFinal(node, height));
  };

  const tell = (other: SimulatedNode, height: number) => {
    const known = disk.chain.slice(height - 1, height + 3);
    if (known.length > 0) wire.send(node, other, () => other.hearFinal(height, known));
  };

  const advance = (block: Block) => {
    disk.chain.push(block);
    if (random.chance(0.5)) disk.syncedBlocks = disk.chain.length;
    undecidable = null;
    take({ kind: 'pool', pending: false });
    take({ kind: 'advanced', head: head() });
    if (disk.votesLost && block.bornMs > startedMs) {
      disk.votesLost = false;
      take({ kind: 'doubt-ended', height: disk.chain.length });
    }
  };

  const node: SimulatedNode = {
    place,
    address,
    height: () => disk.chain.length,
    start() {
      startedMs = agenda.nowMs();
      const signsAbove = disk.votesLost ? Number.MAX_SAFE_INTEGER : 0;
      const self = address;
      carryOut(core.startAgreement({ self, timing: TIMING, head: head(), records: disk.votes, signsAbove }));
    },
    remind() {
      if (undecidable !== null) ask();
      take({ kind: 'pool', pending: true });
    },
    hear(message, block) {
      if (state === null || message.author === address) return;
      if (block !== null) blocks.set(block.digest, block);
      take({ kind: 'message', message });
    },
    hearFinal(height, known) {
      if (state === null) return;
      known.forEach((block, index) => {
        if (height + index === disk.chain.length + 1) advance(block);
      });
    },
    askedForFinal(by, height) {
      if (state !== null) tell(by, height);
    },
    crash(downMs) {
      if (state === null) return;
      state = null;
      life += 1;
      // The disk keeps what was synced, and of the rest a part from the start.
      const kept = disk.syncedBlocks + random.below(disk.chain.length - disk.syncedBlocks + 1);
      disk.chain.length = kept;
      disk.syncedBlocks = kept;
      const voted = new Set(disk.votes.map(({ message }) => digestOf(message)));
      for (const digest of blocks.keys()) if (!voted.has(digest)) blocks.delete(digest);
      agenda.plan(downMs, () => node.start());
    },
    loseDisk() {
      node.crash(random.between(1, 1_000));
      disk.votes = [];
      disk.votesLost = true;
    },
  };
  return node;
}

/** The block that a message is about, and that its sender must therefore have. */
function digestOf(message: OwnMessage): string | undefined {
  return message.kind === 'round-change' ? message.prepared?.digest : message.digest;
}
