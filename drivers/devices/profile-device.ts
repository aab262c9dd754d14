import { DriversError } from '../errors.ts';
import { readPoints, type Told } from '../profiles/interpreter.ts';
import type { Profile } from '../profiles/schema.ts';
import type { Evse, EvseReading, HvacUnit, Wait } from './capabilities.ts';
import type { Wire } from './description.ts';
import { type Judged, judgePower, present, readingHead } from './plausible.ts';
import { openProfileControl } from './profile-control.ts';

const makeNames = ['manufacturer', 'model', 'serial'] as const;
const evseStates = ['A', 'B', 'C', 'F'] as const;

/** A wallbox described by a profile of kind 'evse'. */
export async function openProfileEvse(wire: Wire, profile: Profile, wait?: Wait): Promise<Evse> {
  const base = await openBase(wire, profile, wait);
  return {
    ...base.device,
    kind: 'evse',
    chargeWMax: base.control.maxW,
    async read(wait) {
      const told = await base.points(['state', 'powerW', 'sessionWh', 'vehicleWh'], wait);
      const state = evseStates.find((known) => known === told.get('state')?.value);
      const judged = {
        state: state ? {} : { fault: told.get('state')?.fault ?? 'unknown' },
        chargeW: judgeTold(told.get('powerW'), (value) => judgePower(value, base.control.maxW)),
        chargedWh: optional(told.get('sessionWh')),
        vehicleWh: optional(told.get('vehicleWh')),
      };
      const reading: EvseReading = {
        ...readingHead(wire.nowMs(), judged, ['chargeW']),
        ...present({
          state,
          chargeW: judged.chargeW.value,
          chargedWh: judged.chargedWh?.value,
          vehicleWh: judged.vehicleWh?.value,
        }),
      };
      return reading;
    },
    charge: base.control.set,
    release: base.control.release,
  };
}

/** A heat pump or air conditioner described by a profile of kind 'hvac'. */
export async function openProfileHvac(wire: Wire, profile: Profile, wait?: Wait): Promise<HvacUnit> {
  const base = await openBase(wire, profile, wait);
  return {
    ...base.device,
    kind: 'hvac',
    powerWMax: base.control.maxW,
    async read(wait) {
      const told = await base.points(['powerW', 'indoorC', 'outdoorC'], wait);
      const judged = {
        powerW: judgeTold(told.get('powerW'), (value) => judgePower(value, base.control.maxW)),
        indoorC: told.has('indoorC') ? judgeTold(told.get('indoorC')) : undefined,
        outdoorC: optional(told.get('outdoorC')),
      };
      return {
        ...readingHead(wire.nowMs(), judged, ['powerW', 'indoorC']),
        ...present({
          powerW: judged.powerW.value,
          indoorC: judged.indoorC?.value,
          outdoorC: judged.outdoorC?.value,
        }),
      };
    },
    setPower: base.control.set,
    release: base.control.release,
  };
}

async function openBase(wire: Wire, profile: Profile, wait?: Wait) {
  if (profile.kind !== wire.description.kind) {
    const { id, kind } = wire.description;
    const issue = `describes ${profile.kind}, device ${id} is ${kind}`;
    const details = { source: profile.profile, path: 'kind', issue };
    throw new DriversError('DRIVERS_BAD_PROFILE', `${profile.profile}: ${issue}`, details);
  }
  const points = (names: readonly string[], wait?: Wait) =>
    readPoints(wire.link, wire.unitId, profile, names, wait);
  const told = await points(makeNames, wait);
  const text = (name: string) => String(told.get(name)?.value ?? '');
  const control = await openProfileControl(wire, profile, wait);
  return {
    points,
    control,
    device: {
      id: wire.description.id,
      make: {
        manufacturer: text('manufacturer'),
        model: text('model') || profile.profile,
        serial: text('serial'),
      },
      close: control.close,
    },
  };
}

function judgeTold(
  told: Told | undefined,
  judge: (value: number) => Judged = (value) => ({ value }),
): Judged {
  if (typeof told?.value === 'number') return judge(told.value);
  return { fault: told?.fault ?? 'no such point' };
}

/** What many devices do not tell is missed in silence; what is told and wrong is not. */
function optional(told: Told | undefined): Judged | undefined {
  return told === undefined || told.fault === 'not available' ? undefined : judgeTold(told);
}
