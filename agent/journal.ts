import { join } from 'node:path';
import { z } from 'zod';
import { readChecked, replaceChecked } from './checked-file.ts';

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
  /** The day as it was expected then, by slot, where its file did not say. */
  dayAhead: z
    .strictObject({
      outdoorC: z.array(z.number()),
      loadKw: z.array(z.number()),
      pvKw: z.array(z.number()),
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
      /** Generation that the plan reckoned with. */
      pvExpectedKw: z.array(z.number()).default([]),
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
      last = last.catch(() => undefined).then(() => replaceChecked(file, JSON.stringify(journal)));
      return last;
    },
  };
}

async function read(file: string): Promise<JournalFile['found']> {
  const { body, doubt } = await readChecked(file);
  if (doubt !== undefined)
    return { doubt: `${doubt}; the plan is made anew from the ledger and the devices` };
  if (body === undefined) return {};
  const parsed = journalSchema.safeParse(JSON.parse(body));
  return parsed.success ? { journal: parsed.data } : { doubt: `${file} is of another version` };
}
