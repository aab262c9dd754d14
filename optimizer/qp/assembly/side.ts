import { Numbers, numbers, record } from './memory';

/**
 * All lower bounds, or all upper ones, as pairs of a distance from the bound and the pressure on it, by place.
 * Where there is no bound, `has` and `inverse` are 0, and so are pressure and steps; the distance stays 1.
 */
@unmanaged
@final
export class Side {
  /** 1: the point lies above the bound; -1: below it. */
  sign: f64;
  has: Numbers;
  /** 0 where there is none. */
  bound: Numbers;
  distance: Numbers;
  pressure: Numbers;
  /** 1 / distance, as of the present barrier. */
  inverse: Numbers;
  /** sign * (point - bound) - distance: zero once the point is consistent. */
  error: Numbers;
  /** What is to be added to distance * pressure, to first order. */
  target: Numbers;
  otherTarget: Numbers;
  pulled: Numbers;
  distanceStep: Numbers;
  pressureStep: Numbers;
  keptDistance: Numbers;
  keptPressure: Numbers;

  begin(distance: f64, pressure: f64, size: i32): void {
    for (let k = 0; k < size; k++) {
      const has = this.has[k];
      this.distance[k] = has != 0 ? distance : 1;
      this.pressure[k] = has * pressure;
    }
  }

  /** How far the shift into the interior must go for the sake of this distance, and of this pressure. */
  @inline missing(k: i32): f64 {
    return -1.5 * this.has[k] * this.distance[k];
  }
  @inline lacking(k: i32): f64 {
    return -1.5 * this.has[k] * this.pressure[k];
  }

  shift(distance: f64, pressure: f64, size: i32): void {
    for (let k = 0; k < size; k++) {
      const has = this.has[k];
      this.distance[k] = this.distance[k] + has * distance;
      this.pressure[k] = this.pressure[k] + has * pressure;
    }
  }

  /** At least what they are: where the point lies, and how the gradient presses. */
  @inline raise(k: i32, point: f64, gradient: f64): void {
    if (this.has[k] == 0) return;
    this.distance[k] = max(this.distance[k], this.sign * (point - this.bound[k]));
    this.pressure[k] = max(this.pressure[k], this.sign * gradient);
  }

  /** Consistent with the point, which lies inside. */
  @inline put(k: i32, point: f64, product: f64): void {
    if (this.has[k] == 0) return;
    this.distance[k] = this.sign * (point - this.bound[k]);
    this.pressure[k] = product / this.distance[k];
  }

  sum(list: Numbers, size: i32): f64 {
    let total: f64 = 0;
    for (let k = 0; k < size; k++) total += this.has[k] * list[k];
    return total;
  }

  /** Sum of distance * pressure. */
  product(size: i32): f64 {
    let sum = f64x2.splat(0);
    for (let k = 0; k < size; k += 2) {
      sum = f64x2.add(sum, f64x2.mul(this.distance.two(k), this.pressure.two(k)));
    }
    return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  }

  /** The same after so much of the step. */
  productAt(reach: f64, size: i32): f64 {
    const by = f64x2.splat(reach);
    let sum = f64x2.splat(0);
    for (let k = 0; k < size; k += 2) {
      const distance = f64x2.add(this.distance.two(k), f64x2.mul(by, this.distanceStep.two(k)));
      const pressure = f64x2.add(this.pressure.two(k), f64x2.mul(by, this.pressureStep.two(k)));
      sum = f64x2.add(sum, f64x2.mul(distance, pressure));
    }
    return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  }

  /** Sets `inverse`; pressure / distance is returned. */
  @inline stiffen(k: i32): v128 {
    const inverse = f64x2.div(this.has.two(k), this.distance.two(k));
    this.inverse.setTwo(k, inverse);
    return f64x2.mul(this.pressure.two(k), inverse);
  }

  @inline measure(k: i32, point: v128): void {
    const from = f64x2.mul(f64x2.splat(this.sign), f64x2.sub(point, this.bound.two(k)));
    this.error.setTwo(k, f64x2.mul(this.has.two(k), f64x2.sub(from, this.distance.two(k))));
  }

  /** Towards products of `aim`. */
  aim(aim: f64, size: i32): void {
    const to = f64x2.splat(aim);
    for (let k = 0; k < size; k += 2) {
      this.target.setTwo(k, f64x2.sub(to, f64x2.mul(this.distance.two(k), this.pressure.two(k))));
    }
  }

  /** The same less the second-order term of the step just found (Mehrotra's corrector). */
  aimCorrected(aim: f64, size: i32): void {
    const to = f64x2.splat(aim);
    for (let k = 0; k < size; k += 2) {
      const now = f64x2.mul(this.distance.two(k), this.pressure.two(k));
      const bend = f64x2.mul(this.distanceStep.two(k), this.pressureStep.two(k));
      this.target.setTwo(k, f64x2.sub(f64x2.sub(to, now), bend));
    }
  }

  /** Products that the present step would bring, `hoped` along, out of aim / 10 .. 10 aim are bent back. */
  aimCentred(hoped: f64, aim: f64, size: i32): void {
    const by = f64x2.splat(hoped);
    const least = f64x2.splat(0.1 * aim);
    const most = f64x2.splat(10 * aim);
    const backMost = f64x2.splat(-10 * aim);
    this.otherTarget.copy(this.target, size);
    for (let k = 0; k < size; k += 2) {
      const distance = f64x2.add(this.distance.two(k), f64x2.mul(by, this.distanceStep.two(k)));
      const pressure = f64x2.add(this.pressure.two(k), f64x2.mul(by, this.pressureStep.two(k)));
      const product = f64x2.mul(distance, pressure);
      const wanted = f64x2.pmin(most, f64x2.pmax(least, product));
      const back = f64x2.pmax(backMost, f64x2.sub(wanted, product));
      this.target.setTwo(k, f64x2.add(this.target.two(k), back));
    }
  }

  takeBackAim(size: i32): void {
    this.target.copy(this.otherTarget, size);
  }

  /** What the target and the error pull the point with, away from the bound. */
  pull(size: i32): void {
    const target = this.target;
    const pressure = this.pressure;
    const error = this.error;
    const inverse = this.inverse;
    const pulled = this.pulled;
    for (let k = 0; k < size; k += 2) {
      const owed = f64x2.mul(pressure.two(k), error.two(k));
      pulled.setTwo(k, f64x2.mul(f64x2.sub(target.two(k), owed), inverse.two(k)));
    }
  }

  /** Steps of distance and pressure from that of the point. */
  follow(pointStep: Numbers, size: i32): void {
    const sign = f64x2.splat(this.sign);
    const has = this.has;
    const target = this.target;
    const pressure = this.pressure;
    const error = this.error;
    const inverse = this.inverse;
    const distanceStep = this.distanceStep;
    const pressureStep = this.pressureStep;
    for (let k = 0; k < size; k += 2) {
      const own = f64x2.mul(has.two(k), f64x2.mul(sign, pointStep.two(k)));
      const step = f64x2.add(own, error.two(k));
      distanceStep.setTwo(k, step);
      const owed = f64x2.mul(pressure.two(k), step);
      pressureStep.setTwo(k, f64x2.mul(f64x2.sub(target.two(k), owed), inverse.two(k)));
    }
  }

  /** Largest share by which a distance or pressure shrinks in a whole step. 0 / 0, where there is none, loses. */
  fastest(size: i32): f64 {
    let most = f64x2.splat(0);
    for (let k = 0; k < size; k += 2) {
      most = f64x2.pmax(most, f64x2.neg(f64x2.mul(this.distanceStep.two(k), this.inverse.two(k))));
      most = f64x2.pmax(most, f64x2.neg(f64x2.div(this.pressureStep.two(k), this.pressure.two(k))));
    }
    return max(f64x2.extract_lane(most, 0), f64x2.extract_lane(most, 1));
  }

  move(length: f64, size: i32): void {
    const by = f64x2.splat(length);
    const least = f64x2.splat(LEAST);
    for (let k = 0; k < size; k += 2) {
      const distance = f64x2.add(this.distance.two(k), f64x2.mul(by, this.distanceStep.two(k)));
      const pressure = f64x2.add(this.pressure.two(k), f64x2.mul(by, this.pressureStep.two(k)));
      this.distance.setTwo(k, f64x2.pmax(least, distance));
      this.pressure.setTwo(k, f64x2.mul(this.has.two(k), f64x2.pmax(least, pressure)));
    }
  }

  keep(size: i32): void {
    this.keptDistance.copy(this.distance, size);
    this.keptPressure.copy(this.pressure, size);
  }

  restore(size: i32): void {
    this.distance.copy(this.keptDistance, size);
    this.pressure.copy(this.keptPressure, size);
  }
}

/** Distances and pressures never underflow: their quotients stay numbers. */
const LEAST: f64 = 1e-20;

export let below: Side = changetype<Side>(0);
export let above: Side = changetype<Side>(0);

export function makeSides(room: i32): void {
  below = makeSide(1, room);
  above = makeSide(-1, room);
}

function makeSide(sign: f64, room: i32): Side {
  const side = record<Side>();
  side.sign = sign;
  side.has = filled(room, 0);
  side.bound = filled(room, 0);
  side.distance = filled(room, 1);
  side.pressure = filled(room, 0);
  side.inverse = filled(room, 0);
  side.error = filled(room, 0);
  side.target = filled(room, 0);
  side.otherTarget = filled(room, 0);
  side.pulled = filled(room, 0);
  side.distanceStep = filled(room, 0);
  side.pressureStep = filled(room, 0);
  side.keptDistance = filled(room, 1);
  side.keptPressure = filled(room, 0);
  return side;
}

function filled(room: i32, value: f64): Numbers {
  const list = numbers(room);
  list.fill(room, value);
  return list;
}

/** Enters a bound, infinite for none; how many were entered. */
export function placeBound(side: Side, k: i32, bound: f64): i32 {
  const finite = abs(bound) < Infinity;
  side.has[k] = finite ? 1 : 0;
  side.bound[k] = finite ? bound : 0;
  return finite ? 1 : 0;
}
