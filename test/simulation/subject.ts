import {
  assembleBlock,
  blockDigest,
  decodeClosedFinalBlock,
  decodeTransaction,
  encodeBlock,
  encodeFinalBlock,
  encodeManifest,
  encodeMilestone,
  encodePart,
  encodeTransaction,
  epochBlocksOf,
  executeBlock,
  gatherCertificate,
  genesisHead,
  headOf,
  isEmptyPart,
  nextNonce,
  openFinalBlock,
  openPart,
  Pool,
  partOf,
  StateTree,
  signSeal,
  signTransaction,
  transactionId,
} from '../../consensus/chain/index.ts';
import { contract } from '../../consensus/contract/index.ts';
import { decodeEnvelope, encodeEnvelope, signedDigest } from '../../consensus/network/index.ts';
import { createBodies } from '../../consensus/node/bodies.ts';
import { createDoubt } from '../../consensus/node/doubt.ts';
import { createEntry } from '../../consensus/node/entry.ts';
import { createJudge } from '../../consensus/node/judge.ts';
import { createProviders } from '../../consensus/node/providers.ts';
import { createSignOfLife } from '../../consensus/node/sign-of-life.ts';
import { createSnapshotServing } from '../../consensus/node/snapshot-serving.ts';
import { createSnapshotSync } from '../../consensus/node/snapshot-sync.ts';
import { createSync } from '../../consensus/node/sync.ts';
import { createUpkeep } from '../../consensus/node/upkeep.ts';
import { startAgreement, step } from '../../consensus/protocol/index.ts';
import { milestoneOf } from '../../consensus/store/batches.ts';

/** The code under test, as it is shipped. Mutants of it can take its place. */
export const SHIPPED = {
  protocol: { startAgreement, step },
  chain: {
    assembleBlock,
    blockDigest,
    decodeClosedFinalBlock,
    decodeTransaction,
    encodeBlock,
    encodeFinalBlock,
    encodeManifest,
    encodeMilestone,
    encodePart,
    encodeTransaction,
    epochBlocksOf,
    executeBlock,
    gatherCertificate,
    genesisHead,
    headOf,
    isEmptyPart,
    nextNonce,
    openFinalBlock,
    openPart,
    Pool,
    partOf,
    StateTree,
    signSeal,
    signTransaction,
    transactionId,
  },
  contract,
  bodies: { createBodies },
  doubt: { createDoubt },
  entry: { createEntry },
  judge: { createJudge },
  providers: { createProviders },
  snapshotSync: { createSnapshotSync },
  serving: { createSnapshotServing },
  signOfLife: { createSignOfLife },
  sync: { createSync },
  upkeep: { createUpkeep },
  milestoneOf,
  network: { decodeEnvelope, encodeEnvelope, signedDigest },
};

export type Subject = typeof SHIPPED;

/** The same from another folder that is built like `consensus/`. */
export async function loadSubject(folder: URL): Promise<Subject> {
  const part = (path: string) => import(new URL(path, folder).href);
  return {
    protocol: await part('protocol/index.js'),
    chain: await part('chain/index.js'),
    contract: (await part('contract/index.js')).contract,
    bodies: await part('node/bodies.js'),
    doubt: await part('node/doubt.js'),
    entry: await part('node/entry.js'),
    judge: await part('node/judge.js'),
    providers: await part('node/providers.js'),
    snapshotSync: await part('node/snapshot-sync.js'),
    serving: await part('node/snapshot-serving.js'),
    signOfLife: await part('node/sign-of-life.js'),
    sync: await part('node/sync.js'),
    upkeep: await part('node/upkeep.js'),
    milestoneOf: (await part('store/batches.js')).milestoneOf,
    network: await part('network/index.js'),
  };
}
