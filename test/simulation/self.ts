import type { Envelope } from '../../consensus/network/index.ts';
import type { Timing } from '../../consensus/protocol/index.ts';
import type { Agenda } from './agenda.ts';
import type { Actor, KeyPair, World } from './cast.ts';
import type { Count } from './counts.ts';
import type { Disk, Fate } from './disk.ts';
import type { Executions } from './executions.ts';
import type { Written } from './power.ts';
import type { Random } from './random.ts';
import type { Seals } from './seals.ts';
import type { Signatures } from './signatures.ts';
import type { Subject } from './subject.ts';
import type { Witness } from './witness.ts';
import type { Works } from './works.ts';

/** What a node has in common with its earlier and later lives. */
export type Self = {
  readonly subject: Subject;
  readonly world: World;
  readonly place: number;
  readonly actor: Actor;
  readonly disk: Disk;
  readonly timing: Timing;
  readonly allowedSkewMs: number;
  readonly skewMs: number;
  /** Longest that trying or making a block takes. */
  readonly thinkMs: number;
  /** Own transactions are sent again every two seconds by validators too, as the real node does: where votes may fail. */
  readonly resendsTransactions: boolean;
  /** What the newest block's state names; undefined once it is revoked. */
  readonly key: () => KeyPair | undefined;
  /** Keys change in this story, so that it matters which one signed. */
  readonly keysChange: boolean;
  /** It lets go of blocks that lie below its snapshots, and needs none that are gone. */
  readonly prunes: boolean;
  readonly epochBlocks: number;
  readonly agenda: Agenda;
  readonly works: Works;
  readonly random: Random;
  readonly signatures: Signatures;
  readonly seals: Seals;
  readonly executions: Executions;
  readonly witness: Witness;
  /** To one address, or to everybody else. */
  readonly say: (envelope: Envelope, to?: string) => void;
  /** It looks for own words in final blocks; a twin would find the other's. */
  readonly recognisesItself: boolean;
  readonly fateOf: (write: Written) => Fate;
  readonly count: Count;
  readonly note: ((line: string) => void) | null;
};
