import { copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { type KeptVote, openVoteLog, type VoteAnchor, type VoteLog } from '../../consensus/store/index.ts';
import { buildFrame, copyImage, parseCopy } from '../../consensus/store/vote-copy.ts';
import { judge } from '../../consensus/store/vote-judgement.ts';
import { encodeVotes } from '../../consensus/store/vote-record.ts';

const root = t.testdir();
let opened = 0;

async function newDirectory(): Promise<string> {
  opened++;
  const directory = join(root, `votes-${opened}`);
  await mkdir(directory);
  return directory;
}

function vote(height: number, round: number, change: Partial<KeptVote> = {}): KeptVote {
  const digest = height.toString(16).padStart(64, 'a');
  return {
    height,
    round,
    kind: 'prepare',
    digest,
    payload: Uint8Array.of(1, 2, 3, height, round),
    ...change,
  };
}

type Anchor = VoteAnchor & {
  head: { height: number };
  identity: Uint8Array | undefined;
  mark: Uint8Array | undefined;
  follow: () => Uint8Array | null;
};

/** A block is stored: with it, where the record of votes stood. */
function advance(anchor: Anchor, height: number): void {
  anchor.mark = anchor.follow() ?? anchor.mark;
  anchor.head.height = height;
}

/** What the ledger's store does for the record of votes, in memory. */
function anchorAt(height = 0): Anchor {
  return {
    head: { height },
    identity: undefined,
    mark: undefined,
    follow: () => null,
    followVotes(mark) {
      this.follow = mark;
    },
    readVotesMark: async function () {
      return this.mark;
    },
    async readVotesIdentity() {
      return this.identity;
    },
    async writeVotesIdentity(identity) {
      this.identity = identity;
    },
  };
}

/** For a node that knows that there is no block yet. */
async function begun(directory: string, anchor: VoteAnchor): Promise<VoteLog> {
  const log = await openVoteLog(directory, anchor);
  await log.endDoubt(0);
  return log;
}

async function reopened(directory: string, log: VoteLog, anchor: VoteAnchor): Promise<VoteLog> {
  await log.close();
  return openVoteLog(directory, anchor);
}

t.test('votes come back in order, whole, and only for open heights', async (t) => {
  const directory = await newDirectory();
  const anchor = anchorAt();
  let log = await begun(directory, anchor);
  t.equal(log.doubt, null);
  const votes = [
    vote(1, 0, { kind: 'block', payload: new Uint8Array(5000).fill(7) }),
    vote(1, 0, { kind: 'proposal' }),
    vote(1, 1, { kind: 'round-change', digest: null }),
    vote(2, 0, { kind: 'commit' }),
  ];
  await log.append(votes.slice(0, 2));
  await log.append(votes.slice(2));
  await log.append([votes[0]!]);
  t.strictSame(log.votes, votes, 'a body is kept once');
  log = await reopened(directory, log, anchor);
  t.equal(log.doubt, null);
  t.strictSame(log.votes, votes);
  t.strictSame(
    await readFile(join(directory, 'votes-a.log')),
    await readFile(join(directory, 'votes-b.log')),
  );
  anchor.head.height = 1;
  log = await reopened(directory, log, anchor);
  t.strictSame(log.votes, votes.slice(3));
  await log.finalised(2);
  t.strictSame(log.votes, []);
  await log.close();
  await t.rejects(log.append([vote(3, 0)]), { code: 'CONSENSUS_STORE_FAILED' }, 'closed');
});

t.test('what is final is dropped in time, what is open never', async (t) => {
  const directory = await newDirectory();
  const anchor = anchorAt();
  let log = await begun(directory, anchor);
  const payload = new Uint8Array(3000);
  for (let height = 1; height <= 200; height++) {
    await log.append([vote(height, 0, { payload }), vote(height + 1, 0, { kind: 'commit' })]);
    await log.finalised(height);
  }
  t.ok(log.floorHeight > 120 && log.floorHeight <= 200, `floor at ${log.floorHeight}`);
  t.strictSame(log.votes, [vote(201, 0, { kind: 'commit' })]);
  await t.rejects(log.append([vote(log.floorHeight, 9)]), { code: 'CONSENSUS_VOTES_IN_DOUBT' });
  await log.append([vote(202, 0, { kind: 'block', payload: new Uint8Array(700_000).fill(1) })]);
  await log.append([vote(202, 1)]);
  anchor.head.height = 200;
  log = await reopened(directory, log, anchor);
  t.equal(log.doubt, null);
  t.strictSame(
    log.votes.map(({ height, kind }) => [height, kind]),
    [
      [201, 'commit'],
      [202, 'block'],
      [202, 'prepare'],
    ],
  );
  const huge = Array.from({ length: 40 }, (_, round) =>
    vote(203, round, { payload: new Uint8Array(1_000_000) }),
  );
  await t.rejects(log.append(huge), { code: 'CONSENSUS_STORE_FULL' });
  await log.append([vote(203, 0)]);
  await log.close();
});

t.test(
  'a ledger that lost blocks finds every vote above its head, however the record was renewed',
  async (t) => {
    const directory = await newDirectory();
    const anchor = anchorAt();
    const log = await begun(directory, anchor);
    const payload = new Uint8Array(30_000);
    for (let height = 1; height <= 30; height++) {
      await log.append([vote(height, 0, { payload })]);
      advance(anchor, height);
      // Never asked to drop what is final: the record is renewed when the next vote finds no room.
      if (height < 10) await log.finalised(height);
    }
    await log.append([vote(31, 0)]);
    await log.close();
    for (const height of [0, 1, 5, 12, 20, 29, 30]) {
      anchor.head.height = height;
      const short = await openVoteLog(directory, anchor);
      t.equal(short.doubt, null, 'it is not the record that lost something');
      const known = new Set(short.votes.map((kept) => kept.height));
      for (let voted = height + 1; voted <= 31; voted++)
        if (voted > short.floorHeight && !known.has(voted))
          t.fail(`at ${height}: the vote at ${voted} is forgotten, and nothing forbids another`);
      t.equal(short.ledgerLost, height >= 30 ? null : 31, `from ${height}`);
      await short.close();
    }
  },
);

t.test('a record of votes put back from a backup is found by what the ledger remembers of it', async (t) => {
  const directory = await newDirectory();
  const anchor = anchorAt();
  let log = await begun(directory, anchor);
  const [a, b] = [join(directory, 'votes-a.log'), join(directory, 'votes-b.log')];
  const backups: { name: string; height: number }[] = [];
  const payload = new Uint8Array(20_000);
  for (let height = 1; height <= 24; height++) {
    await log.append([vote(height, 0, { payload })]);
    const name = join(directory, `backup-${height}`);
    await mkdir(name);
    await copyFile(a, join(name, 'a'));
    await copyFile(b, join(name, 'b'));
    backups.push({ name, height });
    await log.append([vote(height, 0, { kind: 'commit' })]);
    advance(anchor, height);
    await log.finalised(height);
  }
  await log.append([vote(25, 0)]);
  await log.close();
  await copyFile(a, join(directory, 'now'));
  for (const { name, height } of backups) {
    await copyFile(join(name, 'a'), a);
    await copyFile(join(name, 'b'), b);
    const old = await openVoteLog(directory, anchor);
    t.match(
      old.doubt,
      { reason: /older than the ledger remembers/, highestHeight: 25 },
      `of height ${height}`,
    );
    await t.rejects(old.append([vote(25, 0, { digest: 'b'.repeat(64) })]), {
      code: 'CONSENSUS_VOTES_IN_DOUBT',
    });
    await old.close();
  }
  await copyFile(join(directory, 'now'), a);
  await copyFile(join(directory, 'now'), b);
  log = await openVoteLog(directory, anchor);
  t.equal(log.doubt, null, 'the newest is the one');
  await log.close();
  // Whoever begins again above the doubt must not be held for a backup at the next start.
  await copyFile(join(backups[2]!.name, 'a'), a);
  await rm(b);
  log = await openVoteLog(directory, anchor);
  await log.endDoubt(26);
  anchor.head.height = 26;
  log = await reopened(directory, log, anchor);
  t.equal(log.doubt, null);
  await log.append([vote(27, 0)]);
  advance(anchor, 27);
  log = await reopened(directory, log, anchor);
  t.equal(log.doubt, null);
  await log.close();
});

t.test(
  'once its own signature turns up that it does not remember, a record is in doubt for good',
  async (t) => {
    const directory = await newDirectory();
    const anchor = anchorAt();
    let log = await begun(directory, anchor);
    await log.append([vote(5, 0), vote(5, 1, { kind: 'commit' })]);
    const digest = vote(5, 0).digest!;
    t.ok(log.holds({ height: 5, kind: 'prepare', digest }));
    t.notOk(log.holds({ height: 5, kind: 'proposal', digest }));
    t.notOk(log.holds({ height: 5, kind: 'prepare', digest: 'b'.repeat(64) }));
    t.notOk(log.holds({ height: 6, kind: 'prepare', digest }));
    await log.beginDoubt('block 6 bears a seal', 6);
    t.match(log.doubt, { reason: 'block 6 bears a seal', highestHeight: 6, isFirstStart: false });
    await t.rejects(log.append([vote(7, 0)]), { code: 'CONSENSUS_VOTES_IN_DOUBT' });
    log = await reopened(directory, log, anchor);
    t.match(log.doubt, { reason: /another record/ }, 'after a restart too');
    await t.rejects(log.endDoubt(4), { code: 'CONSENSUS_VOTES_IN_DOUBT' });
    await log.endDoubt(8);
    log = await reopened(directory, log, anchor);
    t.equal(log.doubt, null);
    t.ok(log.holds({ height: 8, kind: 'commit', digest }), 'below the floor nothing can be told');
    await log.close();
  },
);

/** Two copies as they are after these frames, made without the code that appends. */
function copies(frames: readonly KeptVote[][], generation = 1, previousTip: Uint8Array = new Uint8Array(32)) {
  const header = { identity: new Uint8Array(16), generation, floorHeight: 0, capacity: 1024, previousTip };
  const image = copyImage(header, null);
  const ends = [image.end];
  let end = image.end;
  let tip: Uint8Array = image.tip;
  for (const votes of frames) {
    const frame = buildFrame(encodeVotes(votes), tip);
    image.bytes.set(frame.bytes, end);
    end += frame.bytes.length;
    ends.push(end);
    tip = frame.hash;
  }
  return { bytes: image.bytes, ends, tip };
}

const FRAMES = [[vote(1, 0)], [vote(1, 1), vote(1, 1, { kind: 'commit' })], [vote(2, 5)]];
const whole = copies(FRAMES);
const allVotes = FRAMES.flat();

function judged(a: Uint8Array, b: Uint8Array) {
  return judge(parseCopy(a), parseCopy(b));
}

t.test('one copy cut at any byte: in doubt, and never anything lost without it', async (t) => {
  t.match(judged(whole.bytes, whole.bytes), { kind: 'intact' });
  for (let length = 0; length < whole.bytes.length; length++) {
    const cut = whole.bytes.subarray(0, length);
    if (judged(cut, whole.bytes).kind !== 'doubt') t.fail(`copy a cut at ${length}`);
    if (judged(whole.bytes, cut).kind !== 'doubt') t.fail(`copy b cut at ${length}`);
    if (judged(cut, cut).kind !== 'doubt') t.fail(`both cut at ${length}`);
  }
});

t.test('flips of any bit: in doubt, or nothing lost', async (t) => {
  const kinds = { doubt: 0, mend: 0 };
  for (let place = 0; place < whole.bytes.length; place++) {
    const flipped = Uint8Array.from(whole.bytes, (byte, index) =>
      index === place ? byte ^ (1 << (place % 8)) : byte,
    );
    for (const judgement of [judged(flipped, whole.bytes), judged(whole.bytes, flipped)]) {
      if (judgement.kind === 'intact') t.fail(`a flip at ${place} was not seen`);
      else kinds[judgement.kind]++;
      if (judgement.kind === 'mend') t.strictSame(judgement.copy.votes, allVotes);
    }
    if (judged(flipped, flipped).kind !== 'doubt') t.fail(`both flipped at ${place}`);
  }
  t.ok(kinds.doubt > 200 && kinds.mend > 0, JSON.stringify(kinds));
});

t.test('what a crash can leave is mended without doubt', async (t) => {
  const before = copies(FRAMES.slice(0, 2));
  const [from, to] = [whole.ends[2]!, whole.ends[3]!];
  let mendedA = 0;
  for (let length = from; length <= to; length++) {
    const torn = Uint8Array.from(whole.bytes, (byte, index) => (index < length ? byte : 0));
    const writingA = judged(torn, before.bytes);
    if (writingA.kind === 'mend' && writingA.damaged === 'a') mendedA++;
    if (writingA.kind === 'doubt') t.fail(`crash after ${length - from} bytes to copy a`);
    else t.strictSame(writingA.copy.votes, length < to ? FRAMES.slice(0, 2).flat() : allVotes);
    const writingB = judged(whole.bytes, torn);
    if (writingB.kind === 'doubt') t.fail(`crash after ${length - from} bytes to copy b`);
    else t.strictSame(writingB.copy.votes, allVotes);
  }
  t.ok(mendedA > (to - from) / 2, 'a torn frame was seen');
  t.match(judged(before.bytes, whole.bytes), { kind: 'doubt' }, 'copy b is never ahead');
  t.match(judged(whole.bytes, copies(FRAMES.slice(0, 1)).bytes), { kind: 'doubt' }, 'nor copy a by two');
  t.match(
    judged(copies([[vote(1, 0)]]).bytes, copies([[vote(1, 1)]]).bytes),
    { kind: 'doubt' },
    'two histories',
  );
  const renewed = copies([allVotes], 2, whole.tip);
  t.match(
    judged(renewed.bytes, whole.bytes),
    { kind: 'mend', damaged: 'b' },
    'a crash between two new copies',
  );
  t.match(judged(whole.bytes, renewed.bytes), { kind: 'doubt' });
  t.match(judged(renewed.bytes, before.bytes), { kind: 'doubt' }, 'it follows another record');
});

t.test('garbage is no record of votes', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (garbage, withMagic) => {
      const bytes = withMagic ? Uint8Array.from([...whole.bytes.subarray(0, 8), ...garbage]) : garbage;
      t.match(judged(bytes, whole.bytes), { kind: 'doubt' });
    }),
  );
});

t.test('in doubt nothing is written until others have gone beyond', async (t) => {
  const directory = await newDirectory();
  const a = join(directory, 'votes-a.log');
  const anchor = anchorAt();
  let log = await begun(directory, anchor);
  await log.append([vote(1, 0), vote(7, 0)]);
  await log.close();
  const image = await readFile(a);
  await writeFile(a, image.subarray(0, image.length - 1));
  for (let start = 0; start < 2; start++) {
    log = await openVoteLog(directory, anchor);
    t.match(log.doubt, { highestHeight: 7, reason: /size/ }, 'at every start');
    await t.rejects(log.append([vote(8, 0)]), { code: 'CONSENSUS_VOTES_IN_DOUBT' });
    await log.finalised(6);
    await log.close();
  }
  await t.rejects(log.endDoubt(6), { code: 'CONSENSUS_VOTES_IN_DOUBT' });
  await log.endDoubt(9);
  t.equal(log.doubt, null);
  await t.rejects(log.append([vote(9, 0)]), { code: 'CONSENSUS_VOTES_IN_DOUBT' });
  await log.append([vote(10, 0)]);
  anchor.head.height = 9;
  log = await reopened(directory, log, anchor);
  t.equal(log.doubt, null);
  t.equal(log.floorHeight, 9);
  t.strictSame(log.votes, [vote(10, 0)]);
  await log.close();
});

t.test('a record of votes that is no file is named', async (t) => {
  const directory = await newDirectory();
  const anchor = anchorAt();
  await (await begun(directory, anchor)).close();
  const b = join(directory, 'votes-b.log');
  await rm(b);
  await mkdir(b);
  await t.rejects(openVoteLog(directory, anchor), {
    code: 'CONSENSUS_STORE_FAILED',
    message: `${b} is a directory: move it away and start again`,
  });
  await rm(b, { recursive: true });
  const log = await openVoteLog(directory, anchor);
  t.match(log.doubt, { reason: /copy b is missing/ }, 'it starts then, and signs nothing at first');
  await log.close();
});

t.test('store and record of votes must know each other', async (t) => {
  const directory = await newDirectory();
  const anchor = anchorAt();
  const log = await begun(directory, anchor);
  await log.append([vote(1, 0)]);
  await log.close();
  const [a, b] = [join(directory, 'votes-a.log'), join(directory, 'votes-b.log')];
  const inDoubt = async (at: VoteAnchor, reason: RegExp) => {
    const opened = await openVoteLog(directory, at);
    t.match(opened.doubt, { reason });
    await opened.close();
  };
  await inDoubt(anchorAt(), /does not know/);
  await inDoubt({ ...anchorAt(), readVotesIdentity: async () => new Uint8Array(16) }, /another record/);
  await copyFile(b, `${b}.kept`);
  await rm(b);
  await inDoubt(anchor, /copy b is missing/);
  await rm(a);
  await inDoubt(anchor, /copy a is missing/);
  await copyFile(`${b}.kept`, b);
  await inDoubt(anchor, /copy a is missing/);
  await copyFile(b, a);
  const whole = await openVoteLog(directory, anchor);
  t.equal(whole.doubt, null);
  await whole.close();
  const used = await newDirectory();
  const late = await openVoteLog(used, anchorAt(5));
  t.match(late.doubt, { highestHeight: 6 }, 'a store with blocks but no record of votes');
  await late.endDoubt(6);
  await late.append([vote(7, 0)]);
  await late.close();
});

t.test('a first start that a crash cut begins again', async (t) => {
  const directory = await newDirectory();
  const nothing = await openVoteLog(directory, anchorAt());
  t.match(nothing.doubt, { isFirstStart: true, highestHeight: 0 });
  await t.rejects(nothing.append([vote(1, 0)]), { code: 'CONSENSUS_VOTES_IN_DOUBT' });
  await nothing.endDoubt(0);
  await nothing.close();
  await rm(join(directory, 'votes-b.log'));
  const anchor = anchorAt();
  const log = await openVoteLog(directory, anchor);
  t.match(
    log.doubt,
    { isFirstStart: true },
    'copy a alone, never written to, and a store that knows of none',
  );
  await log.endDoubt(0);
  t.equal(log.doubt, null);
  await log.append([vote(1, 0)]);
  const again = await reopened(directory, log, anchor);
  t.equal(again.doubt, null);
  await again.close();
});

t.test('a full disk is told, nothing goes on, and the next start knows all', async (t) => {
  const directory = await newDirectory();
  const anchor = anchorAt();
  const log = await begun(directory, anchor);
  await log.append([vote(1, 0)]);
  const blocked = join(directory, 'votes-b.log.new');
  await symlink('/dev/full', blocked);
  const large = vote(1, 1, { payload: new Uint8Array(400_000) });
  await t.rejects(log.append([large]), { code: 'CONSENSUS_STORE_FULL' });
  await t.rejects(log.append([vote(1, 2)]), { code: 'CONSENSUS_STORE_FAILED' });
  await rm(blocked, { force: true });
  const again = await reopened(directory, log, anchor);
  t.equal(again.doubt, null);
  t.strictSame(again.votes, [vote(1, 0), large], 'copy a had been renewed');
  await again.append([vote(1, 2)]);
  await again.close();
});
