import type { Name } from './stories.ts';

/**
 * By mutant: the first story that found it out when `npm run sim:mutants` was last run for this file. It is tried first,
 * and nothing more: stories change with the simulator, and what counts is what they find now.
 */
export const LIKELY_STORIES: Readonly<Record<string, Name>> = {
  'a quorum of one less': 'two locks',
  'a certificate counts seals, not signers': 27,
  'a proof of preparation counts prepares, not signers': 97,
  'grounds count round changes, not their authors': 43,
  'nothing is put on disk': 'two locks',
  'sent before it is on disk': 'two locks',
  'own votes forgotten by a restart': 1,
  'what was prepared forgotten by a restart': 28,
  'another block proposed after a restart': 4,
  'own words in final blocks not looked for':
    'a directory is put back that is older than a final word of its own',
  'doubt ended by the first block that follows':
    'a directory is put back that is older than a final word of its own',
  'signing while own votes are in doubt':
    'a directory is put back that is older than a final word of its own',
  'the highest prepared block ignored': 'two locks',
  'any prepared block will do, not the highest': 'two locks',
  'a leader may choose among the prepared blocks': 'two locks, and the leader picks the lower',
  'round changes believed without proof': 49,
  'a prepared block believed without proof in a proposal': 346,
  'two digests accepted for one prepared round': 240,
  'grounds of another round accepted': 106,
  'seals of different rounds added up': 'two locks',
  'the round left out of what a seal covers': 'two locks',
  'prepared once, committed ever after': 'two locks',
  'a proposal of a round that is over accepted': 'two locks',
  'own commit counted before it is given': 'two locks',
  'committed on fewer prepares than a quorum': 'two locks, and the leader picks the lower',
  'anybody may propose': 1,
  'blocks prepared whatever they hold': 39,
  'the state root not compared': 153,
  'votes of an epoch that is over still count': 2,
  'half of the votes are enough for a seat': 'a voter is voted out',
  'who lost his seat keeps his votes': 'a voter is voted out',
  'who lost his key keeps his seat': 'a key is revoked, another given, and the seat again',
  'who lost his key keeps his votes': 'a voter loses its key',
  'a committee that stays what it was': 'a voter is voted out',
  'certificates held against the founders': 'a voter is voted out',
  'messages kept without a bound': 2,
  'no jump to where others are': 'one who was away meets another committee',
  'time-outs that never grow': 41,
  'time-outs without a cap': 76,
  'a round change said once, and never answered': 230,
  'who is late is left behind': 'one who is late, and whose questions are lost',
  'who gets a seat is not told of it': 'a newcomer to whom nobody announces its block',
  'the pool not told again with a round change': 19,
  'a part of a snapshot taken as it comes':
    'one who was away first asks one that gives parts with entries of its own',
  'the parts of a snapshot not held against its header':
    'one who was away first asks one that shows a state of its own under true seals',
  'a snapshot sealed by the committee that it names itself':
    'one who was away first asks one that seals a state of its own',
  'own votes trusted after a snapshot':
    'a directory is put back that is so old that a snapshot leads over its own words',
  'own votes doubted only once a snapshot is taken over':
    'the same, and the power fails as soon as the snapshot is taken over',
  'a snapshot shown without the changes of the committee': 'one who was away meets another committee',
  'no snapshot looked for where blocks are let go': 'one who was away for epochs goes on from a snapshot',
  'who lied about a snapshot asked for the next one':
    'one who was away first asks one that gives parts with entries of its own',
  'more patience with whoever is asked for blocks again':
    'a newcomer who is needed, and hears of its seat from those who wait for it',
};
