import { type Mutant, one } from './mutant.ts';
import { MUTANTS_OF_SNAPSHOTS } from './mutants-of-snapshots.ts';

/** Each of these must be found out by the simulation: one that finds nothing proves nothing. */
export const MUTANTS: readonly Mutant[] = [
  one(
    'a quorum of one less',
    'protocol/committee.js',
    'Math.ceil((2 * validators) / 3)',
    'Math.ceil((2 * validators) / 3) - 1',
  ),
  one(
    'a certificate counts seals, not signers',
    'chain/certificate.js',
    'signer <= previous',
    'signer < previous',
  ),
  one(
    'a proof of preparation counts prepares, not signers',
    'protocol/validity.js',
    'return authors.size >= quorum(committee.validators.length);',
    'return prepares.length >= quorum(committee.validators.length);',
  ),
  one(
    'grounds count round changes, not their authors',
    'protocol/validity.js',
    'authors.size !== roundChanges.length || authors.size < quorum(committee.validators.length)',
    'roundChanges.length < quorum(committee.validators.length)',
  ),
  one('nothing is put on disk', 'protocol/turn.js', 'turn.records.push({ message, prepares });', ''),
  one(
    'sent before it is on disk',
    'protocol/turn.js',
    "[{ kind: 'persist', records }, ...effects]",
    "[...effects, { kind: 'persist', records }]",
  ),
  one(
    'own votes forgotten by a restart',
    'protocol/step.js',
    'state.records.filter((record) => record.message.height === state.height)',
    '[]',
  ),
  one(
    'what was prepared forgotten by a restart',
    'protocol/step.js',
    'state.prepared = { round: message.round, digest: message.digest, prepares };',
    '',
  ),
  one(
    'another block proposed after a restart',
    'protocol/step.js',
    "if (message.kind !== 'round-change')\n            state.accepted = message.digest;\n        if (message.kind === 'proposal')\n            state.ownProposal = message;",
    '',
  ),
  one(
    'own words in final blocks not looked for',
    'node/doubt.js',
    'const word = voteLog.doubt === null ? unrecorded(final) : null;',
    'const word = null;',
  ),
  one(
    'doubt ended by the first block that follows',
    'node/doubt.js',
    'if (signOfLife.isIn(block))',
    'if (true)',
  ),
  one('signing while own votes are in doubt', 'protocol/turn.js', 'height > signsAbove && ', ''),
  {
    name: 'the highest prepared block ignored',
    changes: [
      {
        file: 'protocol/leading.js',
        from: 'const highest = highestPrepared(changes);',
        to: 'const highest = null;',
      },
      {
        file: 'protocol/validity.js',
        from: 'const highest = highestPrepared(roundChanges);',
        to: 'return true; let highest;',
      },
    ],
  },
  one(
    'any prepared block will do, not the highest',
    'protocol/validity.js',
    'prepared.round > highest.round',
    'prepared.round < highest.round',
  ),
  one(
    'a leader may choose among the prepared blocks',
    'protocol/validity.js',
    'return message.digest === highest.digest && isCertificate(prepares, highest, committee);',
    'return roundChanges.some(({ prepared }) => prepared?.digest === message.digest && isCertificate(prepares, prepared, committee));',
  ),
  {
    name: 'round changes believed without proof',
    changes: [
      {
        file: 'protocol/validity.js',
        from: 'return message.digest === highest.digest && isCertificate(prepares, highest, committee);',
        to: 'return message.digest === highest.digest;',
      },
      {
        file: 'protocol/validity.js',
        from: 'isCertificate(message.prepares, prepared, committee)',
        to: 'true',
      },
    ],
  },
  one(
    'a prepared block believed without proof in a proposal',
    'protocol/validity.js',
    'return message.digest === highest.digest && isCertificate(prepares, highest, committee);',
    'return message.digest === highest.digest;',
  ),
  {
    name: 'two digests accepted for one prepared round',
    changes: [
      { file: 'protocol/validity.js', from: "return 'contradictory';", to: 'continue;' },
      { file: 'protocol/validity.js', from: 'prepare.digest !== claim.digest || ', to: '' },
    ],
  },
  one(
    'grounds of another round accepted',
    'protocol/validity.js',
    'message.round !== round || round <= 0',
    'round <= 0',
  ),
  one('seals of different rounds added up', 'protocol/votes.js', 'other.round === target.round && ', ''),
  one(
    'the round left out of what a seal covers',
    'chain/certificate.js',
    'BigInt(round), fromHex(digest)])',
    'fromHex(digest)])',
  ),
  one('prepared once, committed ever after', 'protocol/rounds.js', 'state.accepted = null;', ''),
  one(
    'a proposal of a round that is over accepted',
    'protocol/rounds.js',
    'message.author === state.self || message.round < state.round',
    'message.author === state.self',
  ),
  one(
    'own commit counted before it is given',
    'protocol/voting.js',
    'if (commits.length < quorum(validators.length))',
    'if (commits.length + 1 < quorum(validators.length))',
  ),
  one(
    'committed on fewer prepares than a quorum',
    'protocol/voting.js',
    'if (prepares.length < quorum(state.validators.length))',
    'if (prepares.length + 1 < quorum(state.validators.length))',
  ),
  one(
    'anybody may propose',
    'protocol/validity.js',
    'message.author !== proposerOf(committee.validators, committee.previousProposer, round)',
    '!committee.validators.includes(message.author)',
  ),
  one(
    'blocks prepared whatever they hold',
    'protocol/voting.js',
    'if (!valid || state.decided)',
    'if (state.decided)',
  ),
  one('the state root not compared', 'chain/ledger.js', 'state.root !== header.stateRoot', 'false'),
  one(
    'votes of an epoch that is over still count',
    'contract/tally.js',
    'Math.floor(newest / epochBlocks) === Math.floor(height / epochBlocks) ? votes : []',
    'votes',
  ),
  one(
    'half of the votes are enough for a seat',
    'contract/tally.js',
    'alike.length > validators / 2',
    'alike.length >= validators / 2',
  ),
  one(
    'who lost his seat keeps his votes',
    'contract/tally.js',
    'validators: validators.filter((member) => member !== target),\n                votes: votes.filter((vote) => !isOver(vote) && vote.signer !== target),',
    'validators: validators.filter((member) => member !== target),\n                votes: votes.filter((vote) => !isOver(vote)),',
  ),
  one(
    'who lost his key keeps his seat',
    'contract/tally.js',
    'validators: validators.filter((member) => member !== target),\n                votes: votes.filter((vote) => vote.target !== target && vote.signer !== target),',
    'validators,\n                votes: votes.filter((vote) => vote.target !== target && vote.signer !== target),',
  ),
  one(
    'who lost his key keeps his votes',
    'contract/tally.js',
    'vote.target !== target && vote.signer !== target',
    'vote.target !== target',
  ),
  one(
    'a committee that stays what it was',
    'chain/ledger.js',
    'return { ok: true, next: advanced(head, header, { state, validators }), events',
    'return { ok: true, next: advanced(head, header, { state, validators: head.validators }), events',
  ),
  one(
    'certificates held against the founders',
    'chain/ledger.js',
    'checkCertificate(certificate, { genesis, height, digest: blockDigest(header), validators })',
    'checkCertificate(certificate, { genesis, height, digest: blockDigest(header), validators: (globalThis[genesis] ??= validators) })',
  ),
  one('messages kept without a bound', 'protocol/votes.js', '.slice(-VOTES_PER_AUTHOR)', ''),
  one(
    'no jump to where others are',
    'protocol/rounds.js',
    'higher.length > faultsTolerated(',
    'higher.length > 99 + faultsTolerated(',
  ),
  one('time-outs that never grow', 'protocol/turn.js', 'timeoutMs *= 2', 'timeoutMs *= 1.0001'),
  one(
    'time-outs without a cap',
    'protocol/turn.js',
    'Math.min(timeoutMs, maxTimeoutMs)',
    'baseTimeoutMs * 2 ** doublings',
  ),
  {
    name: 'a round change said once, and never answered',
    changes: [
      {
        file: 'protocol/rounds.js',
        from: 'if (own !== undefined && message.author !== state.self)',
        to: 'if (false)',
      },
      {
        file: 'protocol/rounds.js',
        from: "for (const message of turn.state.sent)\n        turn.effects.push({ kind: 'broadcast', message });",
        to: '',
      },
    ],
  },
  one(
    'who is late is left behind',
    'protocol/step.js',
    "turn.effects.push({ kind: 'offer-sync', to: author, height });",
    '',
  ),
  one(
    'who gets a seat is not told of it',
    'protocol/step.js',
    'if (head.height === height && validators.includes(self))',
    'if (false)',
  ),
  {
    name: 'the pool not told again with a round change',
    changes: [
      {
        file: 'protocol/rounds.js',
        from: "// Whoever leads the new round may never have heard of what this node is waiting for.\n        turn.effects.push({ kind: 'resend-pool' });",
        to: '',
      },
      {
        file: 'protocol/rounds.js',
        from: "turn.effects.push({ kind: 'resend-pool' }, { kind: 'ask-sync'",
        to: "turn.effects.push({ kind: 'ask-sync'",
      },
    ],
  },
  ...MUTANTS_OF_SNAPSHOTS,
];
