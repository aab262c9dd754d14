import { join } from 'node:path';
import {
  createForecaster,
  type Forecaster,
  type Location,
  OptimizerError,
  restoreForecaster,
} from '../optimizer/index.ts';
import { readChecked, replaceChecked } from './checked-file.ts';

export type ForecasterFile = {
  /** What was learnt before, or one that knows nothing, with the reason where there should have been more. */
  readonly found: { readonly forecaster: Forecaster; readonly doubt?: string };
  /** On disk, synced, when it resolves. */
  write(forecaster: Forecaster): Promise<void>;
};

export type ForecasterSetting = {
  readonly slotMs: number;
  readonly location?: Location;
  /** Start of the day to come, where a slot begins, and its end: nobody has seen what lies behind it. */
  readonly startMs: number;
  readonly endMs: number;
};

/**
 * What the forecaster has learnt outlives the agent in one small file, replaced whole. It is worth weeks and costs
 * nothing but them: what is damaged, of another version, or learnt for other slots or another place is begun anew.
 */
export async function openForecasterFile(
  directory: string,
  setting: ForecasterSetting,
): Promise<ForecasterFile> {
  const file = join(directory, 'forecaster.json');
  let last: Promise<void> = Promise.resolve();
  return {
    found: await read(file, setting),
    // One after the other: all use the same draft. Whoever's write failed has been told.
    write: (forecaster) => {
      last = last.catch(() => undefined).then(() => replaceChecked(file, JSON.stringify(forecaster)));
      return last;
    },
  };
}

async function read(file: string, setting: ForecasterSetting): Promise<ForecasterFile['found']> {
  const { slotMs, location } = setting;
  const anew = createForecaster({ slotMs, ...(location !== undefined && { location }) });
  const { body, doubt } = await readChecked(file);
  if (doubt !== undefined) return { forecaster: anew, doubt: `${doubt}; what it had learnt is lost` };
  if (body === undefined) return { forecaster: anew };
  try {
    const forecaster = restoreForecaster(JSON.parse(body));
    if (!isSameSetting(forecaster, anew))
      return { forecaster: anew, doubt: `${file} was learnt for other slots or another place` };
    if (!isOfThePast(forecaster, setting))
      return { forecaster: anew, doubt: `${file} was learnt by a clock that was wrong` };
    return { forecaster };
  } catch (error) {
    if (!(error instanceof OptimizerError)) throw error;
    return { forecaster: anew, doubt: `${file} is of another version: ${error.message}` };
  }
}

const isSameSetting = (one: Forecaster, other: Forecaster) =>
  one.slotMs === other.slotMs &&
  one.location?.latitudeDeg === other.location?.latitudeDeg &&
  one.location?.longitudeDeg === other.location?.longitudeDeg;

const isOfThePast = ({ newestMs, slotMs }: Forecaster, { startMs, endMs }: ForecasterSetting) =>
  newestMs === null || (newestMs < endMs && (newestMs - startMs) % slotMs === 0);
