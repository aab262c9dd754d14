import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { encodeFinalBlock, encodeManifest, encodeMilestone, partOf } from '../../consensus/chain/index.ts';
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../../consensus/network/index.ts';
import { createShared, type Given } from '../../consensus/node/shared.ts';
import { offerAbove } from '../../consensus/node/snapshot-offer.ts';
import { createSync, type SyncOptions } from '../../consensus/node/sync.ts';
import type { LedgerNode } from '../../consensus/node.ts';
import { type LedgerStore, openLedgerStore } from '../../consensus/store/index.ts';
import { until } from '../peers/processes.ts';
import { createMemoryNetwork, type MemoryNetwork, type MemoryTransport } from './network-in-memory.ts';
import { notebook, noteKeys, notesChain, notesGenesis } from './notebook.ts';
import { openNode, TIMING } from './village.ts';

const EPOCH = 4;
const LENGTH = 14;
const genesis = notesGenesis(EPOCH, 3);
/** Large notes make several parts; the committee is another one from the third block on. */
const committees = { 3: [0, 1, 2, 4] };
const { start, blocks, head: tip } = notesChain({ genesis, length: LENGTH, committees, noteBytes: 60_000 });
const providers = [0, 1, 2, 4].map((place) => noteKeys[place]!);
const root = t.testdir();
let made = 0;
const newDirectory = () => {
  made += 1;
  return join(root, `node-${made}`);
};

/** Stores as the providers have them: with two snapshots, and with old blocks or without. */
const full = newDirectory();
const pruned = newDirectory();

async function fill(directory: string, upTo: number) {
  const store = await openLedgerStore({ directory, genesis, contract: notebook });
  for (const { final, executed } of blocks.slice(0, upTo)) {
    await store.append(final, executed);
    const { height, state } = store.head;
    if (height % EPOCH === 0)
      await store.snapshots.write((await store.readMilestone(height))!, state, new AbortController().signal);
  }
  return store;
}

t.before(async () => {
  await (await fill(full, LENGTH)).close();
  await cp(full, pruned, { recursive: true });
  const store = await openLedgerStore({ directory: pruned, genesis, contract: notebook });
  await store.prune(9, 1_000);
  await store.close();
});

type Member = {
  readonly name: string;
  readonly node: LedgerNode;
  readonly store: LedgerStore;
  readonly transport: MemoryTransport;
  readonly events: { readonly event: string; readonly [field: string]: unknown }[];
  readonly stop: () => Promise<void>;
};

type Joining = {
  readonly key: (typeof noteKeys)[number];
  readonly directory: string;
  /** Null: all of them. */
  readonly keepBlocksMs?: number | null;
  readonly up?: boolean;
};

const DAY_MS = 86_400_000;

async function joinStreet(network: MemoryNetwork, joining: Joining): Promise<Member> {
  const { key, directory, up = true } = joining;
  const transport = network.join(key.address);
  transport.setUp(up);
  const events: Member['events'] = [];
  const failures: unknown[] = [];
  const { node, store, close } = await openNode({
    ...{ directory, genesis, contract: notebook, transport, timing: TIMING },
    privateKey: key.privateKey,
    clock: { utcMs: () => tip.header.timeMs + 1_000 },
    log: (entry) => events.push(entry),
    onFailure: (error) => failures.push(error),
    ...(joining.keepBlocksMs != null && { keepBlocksMs: joining.keepBlocksMs }),
  });
  const stop = async () => {
    await close();
    if (failures.length > 0) throw failures[0];
  };
  return { name: key.address, node, store, transport, events, stop };
}

/** Providers with a store each, copied from one that is filled, and a node without any. */
async function street(t: Test, stores: readonly string[], joining: Partial<Joining> = {}) {
  const network = createMemoryNetwork();
  const members: Member[] = [];
  for (const [index, source] of stores.entries()) {
    const directory = newDirectory();
    await cp(source, directory, { recursive: true });
    members.push(await joinStreet(network, { key: providers[index]!, directory }));
  }
  const directory = joining.directory ?? newDirectory();
  const key = noteKeys[6]!;
  const late = await joinStreet(network, { key, keepBlocksMs: DAY_MS, ...joining, directory, up: false });
  t.teardown(async () => {
    for (const member of [...members, late]) await member.stop().catch(() => undefined);
    await rm(directory, { recursive: true, force: true });
  });
  return { network, members, late, directory };
}

const isThere = ({ node }: Member) => node.head.digest === tip.digest;
const told = ({ events }: Member, name: string) => events.filter(({ event }) => event === name);

type Response = Extract<Envelope, { channel: 'snapshot-response' }>;
type PartResponse = Extract<Response, { about: 'part' }>;

/** Changes what a member says of snapshots; null: it says nothing. */
function meddle(
  { transport }: Member,
  change: (response: Response) => Response | readonly Response[] | null,
) {
  const publish = transport.publish.bind(transport);
  transport.publish = (message) => {
    if (message.channel !== 'snapshot-response') return publish(message);
    const decoded = decodeEnvelope(message.channel, message.payload);
    if (!decoded.ok || decoded.envelope.channel !== 'snapshot-response') throw new Error('unreachable');
    const changed = change(decoded.envelope);
    const list = changed === null ? [] : Array.isArray(changed) ? changed : [changed as Response];
    for (const response of list) publish({ ...message, payload: encodeEnvelope(response) });
    return true;
  };
}

const onParts =
  (change: (response: PartResponse) => Response | readonly Response[] | null) => (response: Response) =>
    response.about === 'part' ? change(response) : response;

/** Lets the first provider be heard first, so that it is the one chosen among equals. */
function delayOffers(member: Member) {
  const publish = member.transport.publish.bind(member.transport);
  member.transport.publish = (message) => {
    if (message.channel !== 'snapshot-response') return publish(message);
    setTimeout(() => publish(message), 60);
    return true;
  };
}

t.test(
  'who comes late takes the newest epoch from those who have pruned, and goes on by blocks',
  async (t) => {
    const { late, members } = await street(t, [pruned, pruned, pruned, pruned]);
    const heads: number[] = [];
    late.node.onHead(({ height }) => heads.push(height));
    t.equal(members[0]!.node.status().sync.firstHeight, 9);
    late.transport.setUp(true);
    await until('it is there', () => isThere(late));
    t.strictSame(heads, [12, 13, 14], 'one step to the snapshot, then block by block');
    t.equal(late.node.head.state.root, tip.header.stateRoot);
    t.strictSame(late.node.head.validators, tip.validators, 'with the committee that was voted in');
    const status = late.node.status();
    t.strictSame(status.sync, { targetHeight: 14, firstHeight: 13, catchingUp: false, snapshot: null });
    t.equal(status.counters.droppedProviders, 0);
    t.strictSame(await late.store.snapshots.heights(), [12], 'and can hand it on');
    t.ok(Number(told(late, 'snapshot-adopted')[0]?.parts) >= 4, 'in several parts');
  },
);

const lies: Record<
  string,
  { readonly change: (response: Response) => Response | readonly Response[] | null }
> = {
  'a wrong part': {
    change: onParts((response) => {
      const part = Uint8Array.from(response.part!);
      part[part.length >> 1]! ^= 1;
      return { ...response, part };
    }),
  },
  'a good part, then garbage': {
    change: onParts((response) =>
      response.index < 2 ? response : { ...response, part: new Uint8Array(50_000) },
    ),
  },
  'parts that were not asked for, without end': {
    change: onParts((response) =>
      Array.from({ length: 200 }, (_, ahead) => ({ ...response, index: response.index + 1 + ahead })),
    ),
  },
  nothing: { change: onParts(() => null) },
  'offers that cannot be read': {
    change: (response) =>
      response.about === 'offer'
        ? {
            ...response,
            offer: {
              changes: [new Uint8Array(9)],
              snapshot: { milestone: new Uint8Array(9), manifest: new Uint8Array(9) },
            },
          }
        : response,
  },
  'a committee that nobody voted for': {
    change(response) {
      if (response.about === 'part' || response.offer.snapshot === null) return response;
      const { final } = blocks[11]!;
      const { header } = final.block;
      const forged = { header, certificate: final.certificate, validators: start.validators };
      const snapshot = { ...response.offer.snapshot, milestone: encodeMilestone(forged) };
      return { ...response, offer: { ...response.offer, snapshot } };
    },
  },
  'seals of another block': {
    change(response) {
      if (response.about === 'part' || response.offer.snapshot === null) return response;
      const header = blocks[11]!.final.block.header;
      const forged = { header, certificate: blocks[7]!.final.certificate, validators: null };
      const snapshot = { ...response.offer.snapshot, milestone: encodeMilestone(forged) };
      return { ...response, offer: { ...response.offer, snapshot } };
    },
  },
  'the parts of another state': {
    change(response) {
      if (response.about === 'part' || response.offer.snapshot === null) return response;
      const manifest = encodeManifest([...blocks[12]!.next.state.cut(262_000)].map(partOf));
      const snapshot = { ...response.offer.snapshot, manifest };
      return { ...response, offer: { ...response.offer, snapshot } };
    },
  },
  'no change of the committee': {
    change: (response) =>
      response.about === 'part' ? response : { ...response, offer: { ...response.offer, changes: [] } },
  },
};

// Patience with a liar is real time, seven seconds for the worst: they lie side by side.
t.jobs = 5;
for (const [lie, { change }] of Object.entries(lies)) {
  t.test(`a provider that sends ${lie} is left, and another asked`, { buffered: true }, async (t) => {
    const { late, members } = await street(t, [pruned, pruned, pruned]);
    const [liar, ...honest] = members as [Member, Member, Member];
    meddle(liar, change);
    for (const member of honest) delayOffers(member);
    late.transport.setUp(true);
    await until('it is there', () => isThere(late));
    t.equal(late.node.head.state.root, tip.header.stateRoot);
    const dropped = told(late, 'provider-dropped').map(({ provider }) => provider);
    t.strictSame(dropped, [liar.name], `${told(late, 'provider-dropped')[0]?.reason}`);
    t.equal(late.node.status().counters.droppedProviders, 1);
  });
}

t.test(
  'an old snapshot is offered in vain, and one that is cut finer costs no honest node its name',
  async (t) => {
    const { late, members } = await street(t, [pruned, pruned, pruned]);
    const [stale, finer] = members as [Member, Member, Member];
    const at8 = (await stale.store.snapshots.find(8))!;
    meddle(stale, (response) => {
      if (response.about === 'part') return response;
      const snapshot = {
        milestone: encodeMilestone(at8.milestone),
        manifest: encodeManifest(at8.manifest),
      };
      return { ...response, offer: { ...response.offer, snapshot } };
    });
    const small = [...blocks[11]!.next.state.cut(70_000)].map(partOf);
    meddle(finer, (response) => {
      if (response.about === 'part' || response.offer.snapshot === null) return response;
      const snapshot = { ...response.offer.snapshot, manifest: encodeManifest(small) };
      return { ...response, offer: { ...response.offer, snapshot } };
    });
    late.transport.setUp(true);
    await until('it is there', () => isThere(late));
    t.equal(told(late, 'snapshot-adopted')[0]?.height, 12);
    const dropped = told(late, 'provider-dropped').map(({ provider }) => provider);
    t.ok(
      dropped.every((name) => name === finer.name),
      dropped.join(),
    );
    t.notOk(dropped.includes(stale.name));
  },
);

t.test('while all lie nothing is taken, and once one is honest it comes', async (t) => {
  const { late, members } = await street(t, [pruned, pruned, pruned]);
  let lying = true;
  for (const member of members)
    meddle(
      member,
      onParts((response) => (lying ? { ...response, part: Uint8Array.of(0x80) } : response)),
    );
  late.transport.setUp(true);
  await until('all are dropped', () => late.node.status().counters.droppedProviders >= 3);
  t.equal(late.node.head.height, 0);
  t.strictSame(await late.store.snapshots.heights(), []);
  lying = false;
  for (let time = 0; time < 100 && !isThere(late); time += 1) {
    late.transport.setUp(false);
    late.transport.setUp(true);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  t.ok(isThere(late));
});

t.test('a lie in an honest name costs it nothing where the truth comes too', async (t) => {
  const { late, members } = await street(t, [pruned, pruned, pruned]);
  for (const member of members)
    meddle(member, (response) => {
      if (response.about === 'part')
        return [{ ...response, part: Uint8Array.of(0x80) }, { ...response, part: null }, response];
      const garbage = { milestone: new Uint8Array(9), manifest: new Uint8Array(9) };
      const offers = [{ changes: [], snapshot: garbage }, { changes: [], snapshot: null }, response.offer];
      return offers.map((offer) => ({ ...response, offer }));
    });
  late.transport.setUp(true);
  await until('it is there', () => isThere(late));
  t.equal(late.node.status().counters.droppedProviders, 0);
  t.equal(told(late, 'snapshot-adopted').length, 1);
});

t.test('what has come is not fetched again after a restart', async (t) => {
  const { late, members, directory } = await street(t, [pruned]);
  const asked: number[] = [];
  meddle(
    members[0]!,
    onParts((response) => {
      asked.push(response.index);
      return asked.length > 2 ? null : response;
    }),
  );
  late.transport.setUp(true);
  await until('it waits for the third', () => asked.length === 3);
  await late.stop();
  t.strictSame(asked, [0, 1, 2]);
  const again = newDirectory();
  await cp(directory, again, { recursive: true });
  const fresh = await street(t, [pruned], { directory: again });
  const indices: number[] = [];
  meddle(
    fresh.members[0]!,
    onParts((response) => {
      indices.push(response.index);
      return response;
    }),
  );
  fresh.late.transport.setUp(true);
  await until('it is there', () => isThere(fresh.late));
  t.ok(indices.length > 0 && Math.min(...indices) === 2, `fetched ${indices.join()}`);
});

t.test('a validator that came by a snapshot without a record of votes signs nothing yet', async (t) => {
  const { late } = await street(t, [pruned, pruned, pruned], { key: providers[3]! });
  late.transport.setUp(true);
  await until('it is there', () => isThere(late));
  const { isValidator, votesInDoubt } = late.node.status();
  t.strictSame({ isValidator, votesInDoubt }, { isValidator: true, votesInDoubt: true });
});

t.test('an own call that the skipped blocks hold is settled, not made twice', async (t) => {
  const directory = newDirectory();
  const store = await fill(directory, 1);
  // Block 2 holds this very call of the same key.
  const own = blocks[1]!.final.block.transactions[0]!;
  await store.keepPending(own);
  await store.close();
  const { late } = await street(t, [pruned, pruned], { directory, key: noteKeys[0]! });
  const network = late.node.status();
  t.equal(network.ownPending, 1);
  late.transport.setUp(true);
  await until('it is there', () => late.node.head.height >= 12);
  await until('it is settled', () => late.node.status().ownPending === 0);
  t.strictSame(await late.store.readPending(), []);
});

t.test('who keeps all blocks fetches them where somebody has them', async (t) => {
  const { late } = await street(t, [pruned, full], { keepBlocksMs: null });
  late.transport.setUp(true);
  await until('it is there', () => isThere(late));
  t.equal(told(late, 'snapshot-adopted').length, 0);
  t.equal(late.store.firstHeight, 1);
});

t.test('who is more than an epoch behind takes a snapshot though the blocks are there', async (t) => {
  const { late } = await street(t, [full, full]);
  late.transport.setUp(true);
  await until('it is there', () => isThere(late));
  t.equal(told(late, 'snapshot-adopted').length, 1);
});

t.test('a height that nobody can show costs a question, and blocks come all the same', async (t) => {
  const short = newDirectory();
  await (await fill(short, 3)).close();
  const { late, members } = await street(t, [short, short]);
  const [liar] = members as [Member];
  const publish = liar.transport.publish.bind(liar.transport);
  liar.transport.publish = (message) => {
    if (message.channel !== 'sync-response') return publish(message);
    const payload = encodeEnvelope({
      channel: 'sync-response',
      headHeight: 1_000_000,
      firstHeight: 999_000,
      finalBlocks: [],
    });
    return publish({ ...message, payload });
  };
  late.transport.setUp(true);
  await until('it is there', () => late.node.head.digest === blocks[2]!.next.digest);
  t.equal(told(late, 'snapshot-adopted').length, 0);
});

t.test('who is no provider cannot send anybody to look for snapshots', async (t) => {
  const short = newDirectory();
  await (await fill(short, 3)).close();
  const { late, network } = await street(t, [short, short]);
  const payload = encodeEnvelope({
    channel: 'sync-response',
    headHeight: 3,
    firstHeight: 3,
    finalBlocks: [],
  });
  network.say({ channel: 'sync-response', from: noteKeys[5]!.address, to: late.name, payload });
  late.transport.setUp(true);
  await until('it is there', () => late.node.head.digest === blocks[2]!.next.digest);
  t.strictSame(told(late, 'snapshot-sought'), []);
});

t.test('a snapshot that a crash kept from being taken over is shown to nobody', async (t) => {
  const directory = newDirectory();
  await (await fill(directory, 2)).close();
  await cp(join(full, 'snapshots'), join(directory, 'snapshots'), { recursive: true });
  const store = await openLedgerStore({ directory, genesis, contract: notebook });
  t.teardown(() => store.close());
  t.strictSame(await store.snapshots.heights(), [8, 12]);
  // Block 3 changed the committee, and is not here.
  t.strictSame(await offerAbove(0, store), { changes: [], snapshot: null });
});

t.test('a node makes snapshots and prunes by itself, while blocks come', async (t) => {
  const long = notesChain({ genesis, length: 26, stepMs: DAY_MS / 4 });
  const network = createMemoryNetwork();
  const directory = newDirectory();
  const member = await joinStreet(network, { key: noteKeys[6]!, directory, keepBlocksMs: 2 * DAY_MS });
  t.teardown(() => member.stop());
  const voice = network.join(noteKeys[0]!.address);
  const send = (index: number) => {
    const { final } = long.blocks[index]!;
    const encoded = encodeEnvelope({
      channel: 'block',
      height: index + 1,
      finalBlock: encodeFinalBlock(final),
    });
    voice.publish({ channel: 'block', to: member.name, payload: encoded });
  };
  for (let index = 0; index < 26; index += 1) {
    send(index);
    await until('it has the block', () => member.node.head.height === index + 1);
    if ((index + 1) % EPOCH === 0)
      await until('it has a snapshot', () => told(member, 'snapshot-kept').length === (index + 1) / EPOCH);
  }
  t.strictSame(await member.store.snapshots.heights(), [20, 24]);
  // Block 24 came six days after the first: whole epochs older than two days by then end at 12.
  await until('it has pruned', () => member.store.firstHeight === 12);
  t.strictSame(await member.store.readBlock(11), { ok: false, code: 'STORE_BLOCK_PRUNED', firstHeight: 12 });
});

t.test('who leaves a question unanswered is not asked for ever, however often is asked', async (t) => {
  const names = ['dead', 'dead too', 'alive'];
  const asked = new Set<string | undefined>();
  const publish: MemoryTransport['publish'] = ({ to }) => asked.add(to).size > 0;
  const shared = createShared(
    {
      store: { head: { height: 5 }, epochBlocks: EPOCH },
      transport: { connected: true, publish },
    } as unknown as Given,
    (error) => t.fail(String(error)),
  );
  const sync = createSync(shared, {
    providers: { list: () => names },
    isSeeking: () => false,
  } as unknown as SyncOptions);
  sync.ask();
  // As a validator that waits for a block, and hears of it from those two in turn.
  let turn = 0;
  const asking = setInterval(() => {
    turn += 1;
    sync.heard(6, names[turn % 2]!);
    sync.ask();
  }, 120);
  t.teardown(() => {
    clearInterval(asking);
    shared.timers.clearAll();
  });
  await until('all are asked', () => names.every((name) => asked.has(name)));
});
