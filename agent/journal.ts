import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from './replace-file.ts';

/**
 * What the agent must still know after a crash that the ledger cannot tell it: the plan it was carrying out and
 * the meter's counters at the last slot boundary. One small file, replaced whole.
 */
const journalSchema = z.strictObject({
  day: z.string(),
  /** Planned cost in money without and with trade (payments included). */
  aloneCost: z.number().optional(),
  togetherCost: z.number().optional(),
  /** Net import planned without trade, kW by slot. */
  aloneNetImportKw: z.array(z.number()).optional(),
  /** Where the stores of energy stood when the day was planned. */
  measured: z
    .strictObject({
      batteryKwh: z.number().optional(),
      evKwh: z.number().optional(),
      indoorC: z.number().optional(),
    })
    .optional(),
  /** Net import planned with trade, kW by slot. */
  togetherNetImportKw: z.array(z.number()).optional(),
  soldKw: z.array(z.number()).optional(),
  schedule: z
    .strictObject({
      fromSlot: z.int().min(0),
      batteryNetChargeKw: z.array(z.number()),
      evChargeKw: z.array(z.number()),
      hvacKw: z.array(z.number()),
      pvUsedKw: z.array(z.number()),
      netImportKw: z.array(z.number()),
    })
    .optional(),
  /** Counters at a boundary of slots: where the next record starts. */
  boundary: z.strictObject({ slot: z.int().min(0), importWh: z.number(), exportWh: z.number() }).optional(),
  /** Records that the ledger does not hold yet, of this day or days before. */
  untold: z
    .array(
      z.strictObject({
        slotStartMs: z.int().min(0),
        day: z.string(),
        slot: z.int(),
        importWh: z.number(),
        exportWh: z.number(),
        substituted: z.boolean(),
      }),
    )
    .default([]),
  /** What the meter counted so far, by slot. */
  realised: z
    .array(
      z.strictObject({
        slot: z.int(),
        importWh: z.number(),
        exportWh: z.number(),
        substituted: z.boolean(),
      }),
    )
    .default([]),
});

export type Journal = z.infer<typeof journalSchema>;

export type JournalFile = {
  /** The journal as found at opening, or an empty one with the reason why nothing could be used. */
  readonly found: { readonly journal?: Journal; readonly doubt?: string };
  /** On disk, synced, when it resolves. */
  write(journal: Journal): Promise<void>;
};

export async function openJournal(directory: string): Promise<JournalFile> {
  const file = join(directory, 'journal.json');
  let last: Promise<void> = Promise.resolve();
  return {
    found: await read(file),
    // One after the other: all use the same draft. Whoever's write failed has been told.
    write: (journal) => {
      last = last.catch(() => undefined).then(() => replace(file, journal));
      return last;
    },
  };
}

const checksum = (body: string) => createHash('sha256').update(body).digest('hex');

async function read(file: string): Promise<JournalFile['found']> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    return { doubt: `${file} cannot be read: ${(error as Error).message}` };
  }
  const cut = text.indexOf('\n');
  const body = text.slice(cut + 1);
  if (cut < 0 || text.slice(0, cut) !== checksum(body)) {
    return { doubt: `${file} is damaged; the plan is made anew from the ledger and the devices` };
  }
  const parsed = journalSchema.safeParse(JSON.parse(body));
  return parsed.success ? { journal: parsed.data } : { doubt: `${file} is of another version` };
}

async function replace(file: string, journal: Journal) {
  const body = JSON.stringify(journal);
  await replaceFile(file, `${checksum(body)}\n${body}`);
}
