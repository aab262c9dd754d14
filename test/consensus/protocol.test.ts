import t, { type Test } from 'tap';
import {
  type Effect,
  type Event,
  faultsTolerated,
  type Message,
  type Prepare,
  proposerOf,
  quorum,
  type RoundChange,
  type Start,
  type State,
  startAgreement,
  step,
  type VoteRecord,
} from '../../consensus/protocol/index.ts';

// Single rules, told one by one. What only shows in the company of others is the simulation's business.

const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(40)) as [
  string,
  string,
  string,
  string,
];
const VALIDATORS = [A, B, C, D];
const STRANGER = 'e'.repeat(40);
const BLOCK = '11'.repeat(32);
const OTHER = '22'.repeat(32);
const signature = new Uint8Array(64);
const timing = { baseTimeoutMs: 100, maxTimeoutMs: 1_000, blockIntervalMs: 0, heartbeatMs: 0 };
const HEAD = { height: 4, proposer: A, validators: VALIDATORS };

const place = (author: string, round: number, height = 5) => ({ height, round, author, signature });
const prepare = (author: string, round = 0, digest = BLOCK): Prepare => ({
  kind: 'prepare',
  digest,
  ...place(author, round),
});
const commit = (author: string, round = 0, digest = BLOCK): Message => ({
  kind: 'commit',
  digest,
  ...place(author, round),
});
const roundChange = (author: string, round: number, prepares: readonly Prepare[] = []): RoundChange => {
  const [first] = prepares;
  const prepared = first === undefined ? null : { round: first.round, digest: first.digest };
  return { kind: 'round-change', prepared, prepares, ...place(author, round) };
};
const proposal = (
  author: string,
  round = 0,
  grounds: { changes: readonly RoundChange[]; prepares?: readonly Prepare[] } | null = null,
  digest = BLOCK,
): Message => ({
  kind: 'proposal',
  digest,
  justification:
    grounds === null
      ? null
      : {
          roundChanges: grounds.changes.map((change) => ({ ...change, prepares: [] })),
          prepares: grounds.prepares ?? [],
        },
  ...place(author, round),
});

/** A node and all it was made to do; blocks are good unless said otherwise. */
function node(self: string, start: Partial<Start> = {}) {
  let { state, effects } = startAgreement({ self, timing, head: HEAD, records: [], signsAbove: 0, ...start });
  let all: Effect[] = [...effects];
  const take = (event: Event): readonly Effect[] => {
    const result = step(state, event);
    state = result.state;
    effects = result.effects;
    all = [...all, ...effects];
    return effects;
  };
  const hear = (...messages: readonly Message[]) => {
    for (const message of messages) {
      take({ kind: 'message', message });
      for (const effect of effects)
        if (effect.kind === 'check-block') take({ kind: 'checked', digest: effect.digest, valid: true });
    }
  };
  /** What came early is verified anew, and good, when its height begins. */
  const advance = (head: Start['head']) => {
    take({ kind: 'advanced', head });
    for (const effect of effects) if (effect.kind === 'hear-again') hear(...effect.messages);
  };
  const said = () =>
    all.flatMap((effect) =>
      effect.kind === 'broadcast' ? [`${effect.message.kind} ${effect.message.round}`] : [],
    );
  return {
    take,
    hear,
    advance,
    said,
    state: (): State => state,
    did: (kind: Effect['kind']) => all.filter((effect) => effect.kind === kind),
    timeout: () => take({ kind: 'timeout', timer: 'round', height: state.height, round: state.round }),
  };
}

t.test('quorums, liars and turns', (t) => {
  const table = [1, 2, 3, 4, 5, 6, 7, 10, 100].map((n) => [n, quorum(n), faultsTolerated(n)]);
  t.same(table, [
    [1, 1, 0],
    [2, 2, 0],
    [3, 2, 0],
    [4, 3, 1],
    [5, 4, 1],
    [6, 4, 1],
    [7, 5, 2],
    [10, 7, 3],
    [100, 67, 33],
  ]);
  for (let n = 1; n < 200; n += 1)
    if (n > 3) t.ok(2 * quorum(n) - n > faultsTolerated(n), `two quorums of ${n} share an honest one`);
  t.same(
    [0, 1, 2, 3, 4].map((round) => proposerOf(VALIDATORS, A, round)),
    [B, C, D, A, B],
  );
  t.equal(proposerOf(VALIDATORS, D, 0), A);
  t.equal(proposerOf(VALIDATORS, null, 0), A, 'before the first block');
  t.equal(proposerOf([A, C, D], B, 0), C, 'after one that was voted out');
  t.equal(
    proposerOf(VALIDATORS, A, Number.MAX_SAFE_INTEGER),
    proposerOf(VALIDATORS, A, Number.MAX_SAFE_INTEGER % 4),
  );
  t.end();
});

t.test('a block in one round', (t) => {
  const d = node(D);
  d.hear(proposal(B), prepare(B), prepare(C));
  t.same(d.said(), ['prepare 0'], 'the own prepare counts once it is out');
  d.hear(prepare(D));
  t.same(d.said(), ['prepare 0', 'commit 0']);
  d.hear(prepare(A), commit(B), commit(C));
  t.same(d.said(), ['prepare 0', 'commit 0'], 'committed once');
  t.equal(d.did('finalise').length, 0);
  d.hear(commit(D));
  t.match(d.did('finalise'), [
    {
      height: 5,
      round: 0,
      digest: BLOCK,
      commits: [{ author: B }, { author: C }, { author: D }],
      announce: false,
    },
  ]);
  d.hear(commit(A));
  t.equal(d.did('finalise').length, 1, 'once');
  t.end();
});

t.test('what is said is on disk first, and nothing is proposed before there is a reason', (t) => {
  const b = node(B);
  t.same(b.said(), []);
  t.match(b.take({ kind: 'pool', pending: true }), [
    { kind: 'schedule', timer: 'round', delayMs: 100 },
    { kind: 'build-block', allowEmpty: false },
  ]);
  t.same(b.take({ kind: 'pool', pending: true }), [], 'one at a time');
  const effects = b.take({ kind: 'built', height: 5, round: 0, digest: BLOCK });
  t.match(effects, [
    { kind: 'persist', records: [{ message: { kind: 'proposal' } }, { message: { kind: 'prepare' } }] },
    { kind: 'broadcast', message: { kind: 'proposal', justification: null } },
    { kind: 'broadcast', message: { kind: 'prepare' } },
  ]);
  const idle = node(B);
  idle.take({ kind: 'pool', pending: true });
  idle.take({ kind: 'built', height: 5, round: 0, digest: null });
  idle.take({ kind: 'pool', pending: false });
  idle.timeout();
  t.equal(idle.state().round, 0, 'nothing left to say, nothing to give up');

  const slow = node(B, { timing: { ...timing, blockIntervalMs: 50, heartbeatMs: 500 } });
  t.same(slow.take({ kind: 'pool', pending: true }), []);
  t.match(slow.take({ kind: 'timeout', timer: 'interval', height: 5, round: 0 }), [
    { kind: 'schedule' },
    { kind: 'build-block' },
  ]);
  const heart = node(B, { timing: { ...timing, heartbeatMs: 500 } });
  t.match(heart.take({ kind: 'timeout', timer: 'heartbeat', height: 5, round: 0 }), [
    { kind: 'schedule' },
    { kind: 'build-block', allowEmpty: true },
  ]);
  t.end();
});

t.test('votes that do not count', (t) => {
  const cases: [string, readonly Message[]][] = [
    ['one author twice', [prepare(B), prepare(B), prepare(C)]],
    ['a stranger', [prepare(B), prepare(C), prepare(STRANGER)]],
    ['another digest', [prepare(B), prepare(C), prepare(A, 0, OTHER)]],
    ['another round', [prepare(B), prepare(C), prepare(A, 1)]],
    ['a changed mind', [prepare(B), prepare(C), prepare(A, 0, OTHER), prepare(A)]],
  ];
  for (const [name, votes] of cases) {
    const d = node(D);
    d.hear(proposal(B), ...votes);
    t.notOk(d.said().includes('commit 0'), `${name}: prepares`);
    const e = node(D);
    e.hear(proposal(B), ...votes.map((vote) => ({ ...vote, kind: 'commit' }) as Message));
    t.equal(e.did('finalise').length, 0, `${name}: commits`);
  }
  const seals = node(D);
  seals.hear(proposal(B), commit(A, 0), commit(B, 1), commit(C, 2));
  t.equal(seals.did('finalise').length, 0, 'seals of different rounds do not add up');
  const twin = node(D);
  twin.hear(proposal(B), commit(A), commit(B), commit(D));
  t.equal(twin.did('finalise').length, 0, 'the own commit counts for nothing before the node is prepared');
  t.end();
});

t.test('whoever committed in many rounds is still heard in the next', (t) => {
  const d = node(D);
  for (let round = 0; round < 20; round += 1) d.hear(commit(A, round), commit(B, round));
  t.equal(d.did('finalise').length, 0, 'two are no quorum');
  d.hear(commit(C, 19));
  t.match(d.did('finalise'), [{ round: 19, digest: BLOCK }]);
  t.end();
});

t.test('proposals that are not taken', (t) => {
  const three = [A, B, C].map((author) => roundChange(author, 1));
  const proof = [A, B, C].map((author) => prepare(author));
  const bound = [roundChange(A, 1, proof), roundChange(B, 1), roundChange(C, 1)];
  const contrary = [
    ...bound.slice(0, 2),
    roundChange(
      C,
      1,
      proof.map((vote) => ({ ...vote, digest: OTHER })),
    ),
  ];
  const refused: [string, Message][] = [
    ['out of turn', proposal(C)],
    ['round 0 with grounds', proposal(B, 0, { changes: three })],
    ['round 1 without', proposal(C, 1)],
    ['round 1 by the leader of round 0', proposal(B, 1, { changes: three })],
    ['too few round changes', proposal(C, 1, { changes: three.slice(1) })],
    ['one author twice', proposal(C, 1, { changes: [three[0]!, three[0]!, three[1]!] })],
    ['of another round', proposal(C, 1, { changes: three.map((change) => ({ ...change, round: 2 })) })],
    ['of another height', proposal(C, 1, { changes: three.map((change) => ({ ...change, height: 4 })) })],
    ['with a stranger', proposal(C, 1, { changes: [...three.slice(1), roundChange(STRANGER, 1)] })],
    ['another block than the prepared one', proposal(C, 1, { changes: bound, prepares: proof }, OTHER)],
    ['without the proof', proposal(C, 1, { changes: bound })],
    ['with too small a proof', proposal(C, 1, { changes: bound, prepares: proof.slice(1) })],
    [
      'with a proof of one author',
      proposal(C, 1, { changes: bound, prepares: [proof[0]!, proof[0]!, proof[1]!] }),
    ],
    [
      'with a proof of another round',
      proposal(C, 1, { changes: bound, prepares: proof.map((vote) => ({ ...vote, round: 1 })) }),
    ],
    ['two digests for one prepared round', proposal(C, 1, { changes: contrary, prepares: proof })],
    ['one author twice beside a quorum', proposal(C, 1, { changes: [...three, three[0]!] })],
    [
      'prepared in a round to come',
      proposal(C, 1, {
        changes: bound.map((change) => ({ ...change, prepared: { round: 1, digest: BLOCK } })),
        prepares: proof.map((vote) => ({ ...vote, round: 1 })),
      }),
    ],
  ];
  for (const [name, message] of refused) {
    const d = node(D);
    d.hear(message);
    t.equal(d.state().accepted, null, name);
    t.same(d.said(), [], name);
  }
  const accepted: [string, Message][] = [
    ['a fresh block', proposal(C, 1, { changes: three }, OTHER)],
    ['the prepared block', proposal(C, 1, { changes: bound, prepares: proof })],
  ];
  for (const [name, message] of accepted) {
    const d = node(D);
    d.hear(message);
    t.same(d.said(), ['round-change 1', 'prepare 1'], name);
    d.hear(proposal(B));
    t.same(d.said(), ['round-change 1', 'prepare 1'], 'and no vote below the current round after it');
    t.equal(d.state().round, 1);
  }
  const late = node(D);
  late.hear(roundChange(A, 1), roundChange(B, 1), proposal(B));
  t.same(late.said(), ['round-change 1'], 'a proposal of a round given up comes too late');
  const first = node(D);
  first.hear(proposal(B), proposal(B, 0, null, OTHER));
  t.equal(first.state().accepted, BLOCK, 'the first of two counts');
  const bad = node(D);
  bad.take({ kind: 'message', message: proposal(B) });
  bad.take({ kind: 'checked', digest: BLOCK, valid: false });
  t.same(bad.said(), [], 'a bad block gets no vote');
  t.end();
});

t.test('rounds are given up, and the prepared block goes along', (t) => {
  const d = node(D);
  d.hear(proposal(B), prepare(B), prepare(C), prepare(D));
  t.same(d.said(), ['prepare 0', 'commit 0']);
  const effects = d.timeout();
  t.match(effects[0], {
    kind: 'persist',
    records: [{ message: { kind: 'round-change', round: 1, prepared: { round: 0, digest: BLOCK } } }],
  });
  t.ok(effects.some(({ kind }) => kind === 'resend-pool'));
  t.match(
    effects.filter(({ kind }) => kind === 'schedule'),
    [{ timer: 'resend', delayMs: 100 }],
  );
  t.match(d.take({ kind: 'timeout', timer: 'resend', height: 5, round: 1 }), [
    { kind: 'broadcast', message: { kind: 'round-change', round: 1 } },
    { kind: 'resend-pool' },
    { kind: 'ask-sync', height: 5 },
    { kind: 'schedule', timer: 'resend' },
  ]);
  for (let round = 1; round < 60; round += 1) d.timeout();
  d.hear(roundChange(A, 60), roundChange(B, 61), roundChange(D, 60));
  t.match(d.did('schedule').at(-1), { timer: 'round', delayMs: 1_000, round: 60 });
  t.same(d.take({ kind: 'timeout', timer: 'round', height: 5, round: 3 }), [], 'a timer of the past');
  t.end();
});

t.test('nobody runs ahead of a quorum', (t) => {
  const d = node(D);
  const timed = () =>
    d
      .did('schedule')
      .filter((effect) => effect.kind === 'schedule' && effect.timer === 'round' && effect.round > 0);
  d.take({ kind: 'pool', pending: true });
  d.timeout();
  d.hear(roundChange(D, 1));
  t.same(d.said(), ['round-change 1']);
  for (let second = 0; second < 100; second += 1)
    d.take({ kind: 'timeout', timer: 'resend', height: 5, round: 1 });
  d.hear(roundChange(A, 1), roundChange(A, 7));
  t.equal(timed().length, 0, 'alone, and with one, it waits and repeats itself');
  d.hear(roundChange(C, 1));
  t.match(timed(), [{ delayMs: 200, round: 1 }], 'in company time runs');

  const led = node(D);
  led.hear(proposal(C, 1, { changes: [roundChange(A, 1), roundChange(B, 1), roundChange(C, 1)] }));
  t.ok(
    led.did('schedule').some((effect) => effect.kind === 'schedule' && effect.timer === 'round'),
    'and on a proposal, which proves the company',
  );

  const silent = node(D, { signsAbove: Number.MAX_SAFE_INTEGER });
  silent.hear(roundChange(A, 1), roundChange(B, 1));
  t.same(silent.said(), []);
  silent.take({ kind: 'doubt-ended', height: 4 });
  t.same(silent.said(), ['round-change 1'], 'whoever came in silence gives the others company');
  t.end();
});

t.test('a leader that has not come to its round is not waited for long', (t) => {
  const timed = (each: ReturnType<typeof node>) =>
    each
      .did('schedule')
      .filter((effect) => effect.kind === 'schedule' && effect.timer === 'round' && effect.round > 0);
  const leaderOf = (round: number) => proposerOf(VALIDATORS, A, round);
  t.same([1, 5].map(leaderOf), [C, C]);

  const d = node(D);
  d.hear(roundChange(A, 1), roundChange(B, 1), roundChange(D, 1));
  t.match(timed(d), [{ delayMs: 100, round: 1 }], 'as long as a first round');
  d.hear(roundChange(A, 1), roundChange(C, 1));
  t.match(timed(d), [{ delayMs: 100 }, { delayMs: 200, round: 1 }], 'unless it comes after all: once');
  d.hear(proposal(C, 1, { changes: [roundChange(A, 1), roundChange(B, 1), roundChange(C, 1)] }));
  t.equal(timed(d).length, 2, 'and its proposal gives no more time');

  const gone = node(D);
  gone.hear(roundChange(A, 1), roundChange(C, 1), roundChange(D, 1), roundChange(C, 2), roundChange(B, 1));
  t.equal(timed(gone).length, 1, 'nor does it lose any by going on');

  const told = node(D);
  told.hear(roundChange(A, 1), roundChange(B, 1), roundChange(D, 1));
  told.hear(proposal(C, 1, { changes: [roundChange(A, 1), roundChange(B, 1), roundChange(C, 1)] }));
  t.match(timed(told), [{ delayMs: 100 }, { delayMs: 200, round: 1 }], 'its proposal shows that it is there');

  const left = node(D);
  left.hear(roundChange(C, 2), roundChange(A, 1), roundChange(B, 1), roundChange(D, 1));
  t.match(timed(left), [{ delayMs: 100, round: 1 }], 'one that has left the round will not lead it');

  const turns = node(D);
  turns.hear(roundChange(A, 5), roundChange(B, 5), roundChange(D, 5));
  t.match(timed(turns).at(-1), { delayMs: 200, round: 5 }, 'twice as long on every turn around');
  turns.hear(roundChange(A, 13), roundChange(B, 13), roundChange(D, 13));
  t.match(timed(turns).at(-1), { delayMs: 800, round: 13 });
  turns.hear(roundChange(A, 41), roundChange(B, 41), roundChange(D, 41));
  t.match(timed(turns).at(-1), { delayMs: 1_000, round: 41 }, 'up to the cap');

  const own = node(C);
  own.hear(roundChange(A, 1), roundChange(B, 1), roundChange(D, 1));
  t.match(timed(own).at(-1), { delayMs: 200, round: 1 }, 'nobody is late for himself');
  t.end();
});

t.test('who has come back is told at once what the others wait for', (t) => {
  const d = node(D);
  const asked = (by: string, height = 5) => d.take({ kind: 'asked', by, height });
  d.hear(proposal(B));
  t.same(d.said(), ['prepare 0']);
  t.same(asked(A), [], 'a first round is under way: nobody waits yet');
  d.timeout();
  d.hear(roundChange(D, 1), roundChange(B, 1));
  t.match(asked(A), [{ kind: 'send', to: A, message: { kind: 'round-change', round: 1, author: D } }]);
  t.same([...asked(B), ...asked(D), ...asked(STRANGER), ...asked(A, 4), ...asked(A, 6)], []);
  d.hear(roundChange(A, 1));
  t.same(asked(A), [], 'who has come this far knows');
  t.end();
});

t.test('a commit that was held back in doubt is made up for', (t) => {
  const d = node(D, { signsAbove: Number.MAX_SAFE_INTEGER });
  d.hear(proposal(B), prepare(A), prepare(B), prepare(C));
  t.same(d.said(), []);
  d.take({ kind: 'doubt-ended', height: 4 });
  t.same(d.said(), ['prepare 0', 'commit 0']);
  t.match(d.did('persist').at(-1), { records: [{}, { prepares: [{}, {}, {}] }] });
  t.end();
});

t.test('f + 1 pull along, to the smallest of their rounds; fewer do not', (t) => {
  const d = node(D);
  d.hear(roundChange(A, 7));
  t.equal(d.state().round, 0);
  d.hear(roundChange(A, 9));
  t.equal(d.state().round, 0, 'one voice, however often');
  d.hear(roundChange(B, 3));
  t.equal(d.state().round, 3);
  t.match(
    d.take({ kind: 'message', message: roundChange(C, 1) }),
    [{ kind: 'send', to: C, message: { kind: 'round-change', round: 3 } }],
    'a stale one is answered',
  );
  const twin = node(D);
  twin.hear(roundChange(A, 7), roundChange(D, 7));
  t.equal(twin.state().round, 0, 'the own voice, from a twin, is none');
  const liar = node(D);
  const unproven = { ...roundChange(B, 3), prepared: { round: 0, digest: BLOCK } };
  liar.hear(
    roundChange(A, 7),
    unproven,
    { ...unproven, prepared: { round: 3, digest: BLOCK } },
    { ...roundChange(C, 3), round: 0 },
  );
  t.equal(liar.state().round, 0, 'claims without proof do not count');
  t.end();
});

t.test('a leader waits for a quorum, and is bound by the highest prepared block', (t) => {
  const proof = (round: number, digest: string) => [A, B, D].map((author) => prepare(author, round, digest));
  const own = (c: ReturnType<typeof node>) => {
    c.timeout();
    const change = roundChange(C, 1);
    c.hear(change);
  };
  const fresh = node(C);
  fresh.take({ kind: 'pool', pending: true });
  own(fresh);
  fresh.hear(roundChange(A, 1));
  t.equal(fresh.did('build-block').length, 0);
  fresh.hear(roundChange(B, 1));
  t.match(fresh.did('build-block'), [{ round: 1, allowEmpty: true }]);
  // A fourth comes while the block is built: now the leader is bound.
  fresh.hear(roundChange(D, 1, proof(0, OTHER)));
  t.match(fresh.take({ kind: 'built', height: 5, round: 1, digest: BLOCK })[0], {
    records: [
      {
        message: {
          kind: 'proposal',
          round: 1,
          digest: OTHER,
          justification: { roundChanges: [{}, {}, {}, {}] },
        },
      },
    ],
  });
  const contrary = node(C);
  contrary.take({ kind: 'pool', pending: true });
  own(contrary);
  contrary.hear(roundChange(A, 1, proof(0, BLOCK)), roundChange(B, 1, proof(0, OTHER)));
  t.notOk(contrary.said().includes('proposal 1'));
  t.end();
});

t.test('a restart keeps the word', (t) => {
  const before = node(D);
  before.hear(proposal(B), prepare(B), prepare(C), prepare(D));
  const records = before
    .did('persist')
    .flatMap((effect) => (effect.kind === 'persist' ? effect.records : []));
  const after = node(D, { records });
  t.same(after.said(), ['prepare 0', 'commit 0'], 'said again, as before');
  t.equal(after.did('persist').length, 0);
  after.hear(proposal(B, 0, null, OTHER), prepare(A, 0, OTHER), prepare(B, 0, OTHER), prepare(C, 0, OTHER));
  t.same(after.said(), ['prepare 0', 'commit 0'], 'and nothing else');
  t.match(after.timeout()[0], {
    records: [{ message: { prepared: { round: 0, digest: BLOCK }, prepares: [{}, {}, {}] } }],
  });

  // Before it has heard where the chain is, it says nothing; then what it said, and nothing else.
  const waiting = node(D, { records, signsAbove: Number.MAX_SAFE_INTEGER });
  waiting.hear(proposal(B, 0, null, OTHER), prepare(A, 0, OTHER), prepare(B, 0, OTHER), prepare(C, 0, OTHER));
  t.same(waiting.said(), []);
  waiting.take({ kind: 'doubt-ended', height: 0 });
  t.same(waiting.said(), ['prepare 0', 'commit 0']);
  t.equal(waiting.did('persist').length, 0);

  const torn: VoteRecord[] = [
    {
      message: { kind: 'proposal', height: 5, round: 0, digest: BLOCK, author: B, justification: null },
      prepares: [],
    },
  ];
  t.same(node(B, { records: torn }).said(), ['proposal 0', 'prepare 0'], 'the vote that the crash cut off');
  t.equal(node(B, { records: torn }).did('build-block').length, 0);

  const later = node(D, {
    records: records.map((record) => ({ ...record, message: { ...record.message, height: 6 } })),
  });
  t.same(later.said(), []);
  later.take({ kind: 'advanced', head: { ...HEAD, height: 5 } });
  t.same(later.said(), ['prepare 0', 'commit 0'], 'votes of a height whose parent was lost');
  t.end();
});

t.test('in doubt a node follows and signs nothing', (t) => {
  const d = node(D, { signsAbove: Number.MAX_SAFE_INTEGER });
  d.take({ kind: 'pool', pending: true });
  d.hear(proposal(B), prepare(A), prepare(B), prepare(C));
  d.timeout();
  t.same(d.said(), []);
  d.hear(commit(A), commit(B), commit(C));
  t.equal(d.did('finalise').length, 1);
  d.take({ kind: 'advanced', head: { ...HEAD, height: 5, proposer: B } });
  d.take({ kind: 'doubt-ended', height: 5 });
  d.hear({ ...proposal(C), height: 6 });
  t.same(d.said(), ['prepare 0']);
  t.end();
});

t.test('other heights: late ones are helped, early ones wait, and neither without bound', (t: Test) => {
  const d = node(D);
  t.match(d.take({ kind: 'message', message: { ...roundChange(A, 1), height: 3 } }), [
    { kind: 'offer-sync', to: A, height: 3 },
  ]);
  t.same(d.take({ kind: 'message', message: { ...commit(A), height: 3 } as Message }), []);
  const early = (message: Message): Message => ({ ...message, height: 6 });
  d.hear(early(proposal(C)), early(prepare(C)));
  t.equal(d.did('ask-sync').length, 0, 'one may be ahead, or lie');
  d.hear(early(prepare(A)));
  t.ok(d.did('ask-sync').length > 0, 'f + 1 cannot all lie');
  for (let round = 0; round < 500; round += 1)
    d.hear(early(prepare(B, round)), { ...prepare(B), height: 7 + round });
  const kept = [...d.state().ahead.values()].flatMap(({ messages }) => messages).length;
  t.ok(kept <= 8 * 3, `${kept} kept`);
  for (let round = 0; round < 500; round += 1) d.hear(prepare(A, round, OTHER), commit(A, round, OTHER));
  t.ok(d.state().prepares.get(A)!.length <= 8 && d.state().commits.get(A)!.length <= 8);
  d.advance({ ...HEAD, height: 5, proposer: B });
  t.same(d.said(), ['prepare 0', 'commit 0'], 'what came early counts when its height begins');
  d.take({ kind: 'advanced', head: { ...HEAD, height: 4, proposer: A } });
  t.equal(d.state().height, 6, 'never back');
  t.end();
});

t.test('newcomers are heard early, within bounds, and count once the committee has them', (t: Test) => {
  const d = node(D);
  const early = (message: Message): Message => ({ ...message, height: 6 });
  for (let round = 0; round < 50; round += 1) d.hear(early(prepare(STRANGER, round)));
  t.equal(d.state().ahead.get(STRANGER)?.messages.length, 8);
  t.equal(d.did('ask-sync').length, 0, 'who is no member tells nothing about where the members are');
  d.hear({ ...prepare('f'.repeat(40)), height: 9 });
  t.notOk(d.state().ahead.has('f'.repeat(40)), 'nor is he kept for far heights');
  for (let number = 0; number < 200; number += 1)
    d.hear(early(prepare(number.toString(16).padStart(40, '0'))));
  t.ok(d.state().ahead.size <= 62, `${d.state().ahead.size} authors`);
  t.equal(d.did('ask-sync').length, 0, 'however many they are');
  d.hear(early(prepare(A)), early(prepare(B)));
  t.ok(d.state().ahead.has(A) && d.state().ahead.has(B), 'members always have their place');
  const five = [...VALIDATORS, STRANGER];
  d.advance({ height: 5, proposer: B, validators: five });
  t.same([...d.state().prepares.keys()].sort(), [A, B, STRANGER]);
  t.equal(d.state().ahead.size, 0);
  const without = node(D);
  without.hear(early(prepare(STRANGER)), early(prepare(A)));
  without.advance({ height: 5, proposer: B, validators: VALIDATORS });
  t.same([...without.state().prepares.keys()], [A], 'whoever did not get the seat does not count');
  t.end();
});

t.test('what is decided and does not come is asked for until it does', (t: Test) => {
  const d = node(D);
  d.hear(commit(A), commit(B), commit(C));
  t.equal(d.did('finalise').length, 1, 'by what the others say alone');
  for (let times = 0; times < 3; times += 1)
    t.match(d.take({ kind: 'timeout', timer: 'resend', height: 5, round: 0 }), [
      { kind: 'ask-sync', height: 5 },
      { kind: 'schedule', timer: 'resend', height: 5 },
    ]);
  d.advance({ height: 5, proposer: B, validators: VALIDATORS });
  t.same(d.take({ kind: 'timeout', timer: 'resend', height: 5, round: 0 }), [], 'and no longer');
  t.end();
});

t.test('whoever gets a seat is told of the block that gives it, by all that had one', (t: Test) => {
  const offers = (effects: readonly Effect[]) => effects.filter(({ kind }) => kind === 'offer-sync');
  const five = [...VALIDATORS, STRANGER].sort();
  const d = node(D);
  t.match(offers(d.take({ kind: 'advanced', head: { height: 5, proposer: B, validators: five } })), [
    { kind: 'offer-sync', to: STRANGER, height: 5 },
  ]);
  const same = { height: 6, proposer: C, validators: five };
  t.same(offers(d.take({ kind: 'advanced', head: same })), [], 'once');
  const late = node(D);
  const far = { height: 9, proposer: B, validators: five };
  t.same(offers(late.take({ kind: 'advanced', head: far })), [], 'who jumps knows nothing of it');
  t.end();
});

t.test('whoever loses its seat stops signing and follows; what it says late harms nobody', (t: Test) => {
  const three = [A, B, C];
  const d = node(D);
  d.take({ kind: 'pool', pending: true });
  d.advance({ height: 5, proposer: B, validators: three });
  const before = d.said().length;
  d.take({ kind: 'pool', pending: true });
  const next = (message: Message): Message => ({ ...message, height: 6 });
  d.hear(next(proposal(C)), next(prepare(A)), next(prepare(B)), next(prepare(C)));
  d.timeout();
  d.timeout();
  t.equal(d.said().length, before, 'nothing is signed without a seat');
  d.hear(next(commit(A)), next(commit(B)));
  t.equal(d.did('finalise').length, 1, 'but what the others decide is seen');

  const a = node(A);
  a.advance({ height: 5, proposer: B, validators: three });
  a.hear(next(proposal(D)), next(prepare(D)), next(commit(D)), next(roundChange(D, 1)));
  t.equal(a.state().accepted, null);
  t.equal(a.state().prepares.size + a.state().commits.size + a.state().roundChanges.size, 0);
  t.match(a.take({ kind: 'message', message: roundChange(D, 1) }), [
    { kind: 'offer-sync', to: D, height: 5 },
  ]);
  t.end();
});

t.test(
  'one to thirty-one: quorums meet in an honest member, turns go round, and a gap is stepped over',
  (t: Test) => {
    for (let n = 1; n <= 31; n += 1) {
      const [q, f] = [quorum(n), faultsTolerated(n)];
      if (2 * q - n <= f) throw new Error(`${n}: two quorums may meet in liars only`);
      if (q > n - f) throw new Error(`${n}: liars that keep silent stop it`);
      if (3 * f >= n || 3 * (f + 1) < n) throw new Error(`${n}: f is not the most that is below a third`);
      const members = Array.from({ length: n }, (_, index) => (2 * index + 1).toString(16).padStart(40, '0'));
      const turns = Array.from({ length: n }, (_, round) => proposerOf(members, members[0]!, round));
      if (new Set(turns).size !== n) throw new Error(`${n}: somebody's turn never comes`);
      let author = members[0]!;
      const authors = Array.from({ length: n }, () => {
        author = proposerOf(members, author, 0);
        return author;
      });
      if (new Set(authors).size !== n) throw new Error(`${n}: heights do not go round`);
      for (const [index, gone] of members.entries()) {
        if (n === 1) continue;
        const left = members.filter((member) => member !== gone);
        const following = members[(index + 1) % n]!;
        if (proposerOf(left, gone, 0) !== following)
          throw new Error(`${n}: the next higher address does not follow`);
      }
    }
    t.equal(proposerOf(VALIDATORS, 'c0'.padEnd(40, '0'), 0), C, 'an author that never was there, too');
    t.end();
  },
);
