import { type Mutant, one } from './mutant.ts';

/** What looks at the whole once more would find it out: it goes as well. */
const ANY_STATE = [
  { file: 'chain/snapshot.js', from: 'state.root !== header.stateRoot', to: 'false' },
  {
    file: 'chain/snapshot.js',
    from: 'validatorsHash(validators) !== header.validatorsHash',
    to: 'false',
  },
];

/** What a careless hand might do where a snapshot takes the place of blocks. */
export const MUTANTS_OF_SNAPSHOTS: readonly Mutant[] = [
  {
    name: 'a part of a snapshot taken as it comes',
    changes: [
      {
        file: 'chain/snapshot.js',
        from: 'toHex(subtreeHash(entries, depth)) === hash ? entries : null',
        to: 'entries',
      },
      ...ANY_STATE,
    ],
  },
  {
    name: 'the parts of a snapshot not held against its header',
    changes: [
      {
        file: 'node/snapshot-offer.js',
        from: 'manifestRoot(manifest) !== milestone.header.stateRoot',
        to: 'false',
      },
      ...ANY_STATE,
    ],
  },
  one(
    'a snapshot sealed by the committee that it names itself',
    'chain/milestone.js',
    'validators: trusted.validators });',
    'validators: named ?? trusted.validators });',
  ),
  one(
    'own votes trusted after a snapshot',
    'node/doubt.js',
    'if (entered || voteLog.doubt !== null)',
    'if (true)',
  ),
  {
    name: 'own votes doubted only once a snapshot is taken over',
    changes: [
      { file: 'node/snapshot-sync.js', from: 'if (isWhole)\n            await jumping(height);', to: '' },
      {
        file: 'node/snapshot-sync.js',
        from: 'await jumped(adopted);',
        to: 'await jumping(height);\n        await jumped(adopted);',
      },
    ],
  },
  one(
    'a snapshot shown without the changes of the committee',
    'node/snapshot-offer.js',
    'changes: leading.map(encodeMilestone)',
    'changes: []',
  ),
  {
    name: 'no snapshot looked for where blocks are let go',
    changes: [
      {
        file: 'node/sync.js',
        from: 'if (isFarBehind(height))\n            seekSnapshot();',
        to: '',
      },
      {
        file: 'node/sync.js',
        from: 'if (isFarBehind(headHeight) || isPruned(from, firstHeight))\n                seekSnapshot();',
        to: '',
      },
    ],
  },
  one(
    'who lied about a snapshot asked for the next one',
    'node/snapshot-sync.js',
    'offers = offers.filter(({ from }) => from !== provider);',
    '',
  ),
  one(
    'more patience with whoever is asked for blocks again',
    'node/sync.js',
    'if (waitingFor !== null)\n            return;',
    '',
  ),
];
