import { AgentError } from '../errors.ts';
import { type DayGrid, dayGrid, slotsAllowed } from './day-grid.ts';
import { evDay } from './ev-day.ts';
import { hvacDay } from './hvac-day.ts';
import type { DayData, HomeDay, HomeDescription, Neighbourhood } from './types.ts';

/**
 * The day a run is about. Within an hour of the data power and prices are constant, so a finer grid repeats
 * them. `day` defaults to the first one. Limits, targets and temperatures are chosen so that every home can
 * keep them on its own: see ev-day.ts and hvac-day.ts for the plan that proves it.
 *
 * @throws AgentError AGENT_BAD_OPTION when the day is not in the data or the number of slots does not fit.
 */
export function selectDay(
  neighbourhood: Neighbourhood,
  choice: { readonly day?: string | undefined; readonly slots: number },
): DayData {
  const grid = dayGrid(choice.slots);
  if (grid === undefined) {
    throw new AgentError('AGENT_BAD_OPTION', `${choice.slots} slots do not fit a day: ${slotsAllowed}.`, {
      slots: choice.slots,
    });
  }
  const days = neighbourhood.days;
  const day = choice.day ?? days[0] ?? '';
  if (!days.includes(day)) {
    throw new AgentError(
      'AGENT_BAD_OPTION',
      `${day} is not in ${neighbourhood.source}: use --day ${days[0]} to ${days.at(-1)}.`,
      { day },
    );
  }
  const startMs = Date.parse(`${day}T00:00:00Z`);
  const cut = cutter(neighbourhood, startMs, grid);
  const outdoorC = cut(neighbourhood.outdoorC);
  return {
    day,
    startMs,
    slotMs: grid.slotMs,
    slots: grid.slots,
    currency: neighbourhood.currency,
    importPricePerKwh: cut(neighbourhood.importPricePerKwh),
    feedInPricePerKwh: cut(neighbourhood.feedInPricePerKwh),
    outdoorC,
    homes: neighbourhood.homes.map((home) => homeDay(home, { grid, cut, outdoorC })),
  };
}

/** An ordinary house connection, unless the home's own appliances need more. */
const connectionKw = 15;

type Cut = (series: readonly number[]) => number[];

function homeDay(
  home: HomeDescription,
  day: { readonly grid: DayGrid; readonly cut: Cut; readonly outdoorC: readonly number[] },
): HomeDay {
  const baseLoadKw = day.cut(home.baseLoadKw);
  // Everything on at once must fit, so that no plan fails for the connection alone.
  const allAtOnceKw =
    Math.max(...baseLoadKw) + (home.ev?.chargeKwMax ?? 0) + (home.hvac?.powerKwMax ?? 0) + 0.5;
  return {
    home: home.home,
    baseLoadKw,
    pvKw: day.cut(home.pvKw),
    importKwMax: Math.max(connectionKw, Math.ceil(allAtOnceKw)),
    ...(home.pvRatedKw === undefined ? {} : { pvRatedKw: home.pvRatedKw }),
    ...(home.battery === undefined ? {} : { battery: home.battery }),
    ...(home.ev === undefined ? {} : { ev: evDay(home.ev, day.grid) }),
    ...(home.hvac === undefined ? {} : { hvac: hvacDay(home.hvac, day.grid, day.outdoorC) }),
  };
}

function cutter(neighbourhood: Neighbourhood, startMs: number, grid: DayGrid): Cut {
  const dataMs = neighbourhood.slotMinutes * 60_000;
  const places = Array.from({ length: grid.slots }, (_, slot) =>
    Math.floor((startMs + slot * grid.slotMs - neighbourhood.firstSlotMs) / dataMs),
  );
  return (series) =>
    places.map((place) => {
      const value = series[place];
      if (value === undefined) throw new RangeError('a series is shorter than its neighbourhood says');
      return value;
    });
}
