import * as border from './border';
import { canFeedBack, evPerCharge, evPerDischarge, gain, hasBattery, hasHeat, hasPeak, hasVehicle, kept,
  storedPerCharge, storedPerDischarge } from './home';
import { add, both, get, mul, one, put, putOne, sub, sum } from './lanes';
import {
  block, CHARGE, CURVE, DEMAND, DISCHARGE, EV_CHARGE, EV_DISCHARGE, EV_STORED, FEED, FEED_LOADS, FEED_PAIR, GAIN,
  HEAT, HERE, INDOOR, INVERSE_LOAD, listOf, loadOf, loads, OFF_EV, OFF_INDOOR, OFF_STORED, pairs, PRICE, PRICE_CURVE,
  PRICE_TO_PEAK, PULL, SLOPE, slots, stage, STEP, STORED,
} from './room';
import { measureCorrection, measurePrediction } from './measure';
import { aim, prepare, recover } from './slot';

/**
 * What goes from slot to slot: heat, battery, vehicle. Backward in time, dynamic programming with a quadratic
 * cost to go in (indoor temperature, battery, vehicle) and, within a slot, demand: a control u with curvature h
 * that moves these by g is minimised out by one downdate,
 *
 *   v = M g,   M <- M - v v' / (h + g'v),   u = -(v'x + y) / (h + g'v) with y its slope,
 *
 * and there are five at most, each moving one state and the demand. Then forward in time for the steps.
 * (Riccati recursion as in Rao, Wright, Rawlings 1998, one control at a time.) The entries of the control's own
 * state are taken from M'g = v h / (h + g'v) instead: a control far from its bounds has nearly no curvature, and
 * the downdate would leave rounding in place of what is left. `rest` is what these entries keep of v.
 */

@inline function column(control: i32): usize {
  return FEED_PAIR + (<usize>control << 4);
}

@inline function gains(control: i32): usize {
  return GAIN * <usize>control;
}

@inline function feed(control: i32): usize {
  return FEED + (<usize>control << 3);
}

/** Reciprocals of what the controls move their states by. */
let perHeat: f64 = 0, perStored: f64 = 0, perTaken: f64 = 0, perEvStored: f64 = 0, perEvTaken: f64 = 0;

/** One number in the first lane, 0 in the second. */
@inline function first(lane: usize, field: usize): v128 {
  return v128.load64_zero(lane + field);
}

/**
 * First sweep, backward: makes the last step by its shares, eliminates everything, and carries two right-hand sides
 * along: the prediction in the first lane, the peak in the second.
 */
export function eliminate(share: f64, dualShare: f64): void {
  border.advanceBorder(share, dualShare);
  perHeat = 1 / gain;
  perStored = 1 / storedPerCharge;
  perTaken = 1 / storedPerDischarge;
  perEvStored = 1 / evPerCharge;
  perEvTaken = 1 / evPerDischarge;
  const by = both(share), dualBy = both(dualShare);
  // Cost to go: curvatures of indoor temperature (t), battery (e), vehicle (s), and their slopes.
  let tt: f64 = 0, te: f64 = 0, ts: f64 = 0, ee: f64 = 0, es: f64 = 0, ss: f64 = 0;
  let ft = both(0), fe = both(0), fs = both(0);
  let shared = both(0);
  let drift = both(0);
  // The prices of the first two loads, one a lane; what they share with themselves, and with the others.
  let lt = both(0), le = both(0), ls = both(0), ld = both(0), loadDrift = both(0);
  let own0 = both(0), own1 = both(0), plain0 = both(0), plain1 = both(0);
  const hasLoads = loads > 0, hasSecond = loads > 1;
  for (let pair = pairs - 1; pair >= 0; pair--) {
    const p = block(pair);
    prepare(p, by, dualBy);
    for (let lane = 1; lane >= 0; lane--) {
      const t = 2 * pair + lane;
      if (t >= slots) continue;
      const q = p + (<usize>lane << 3);
      const g = stage(t);
      const hasVehicleHere = ((load<u32>(p + HERE) >> lane) & 1) != 0;
      let td: f64 = 0, ed: f64 = 0, sd: f64 = 0, dd = one(q, PRICE_CURVE);
      let fd = f64x2.replace_lane(first(q, PRICE), 1, one(q, PRICE_TO_PEAK));

      const offT = hasHeat ? one(q, OFF_INDOOR) : 0;
      const offE = hasBattery ? one(q, OFF_STORED) : 0;
      const offS = hasVehicle ? one(q, OFF_EV) : 0;
      if (hasPeak) drift = add(drift, add(mul(both(offT), ft), add(mul(both(offE), fe), mul(both(offS), fs))));
      if (hasLoads) {
        loadDrift = add(loadDrift, add(mul(both(offT), lt), add(mul(both(offE), le), mul(both(offS), ls))));
        ld = f64x2.neg(mul(both(dd), inverseLoads(q, 0, hasSecond)));
      }
      if (hasHeat) {
        tt += one(q + INDOOR, CURVE);
        const pull = tt * offT + te * offE + ts * offS;
        putOne(g, PULL, pull);
        ft = add(ft, add(first(q + INDOOR, SLOPE), f64x2.replace_lane(both(0), 0, pull)));
      }
      if (hasBattery) {
        ee += one(q + STORED, CURVE);
        const pull = te * offT + ee * offE + es * offS;
        putOne(g, PULL + 8, pull);
        fe = add(fe, add(first(q + STORED, SLOPE), f64x2.replace_lane(both(0), 0, pull)));
      }
      if (hasVehicle) {
        ss += one(q + EV_STORED, CURVE);
        const pull = ts * offT + es * offE + ss * offS;
        putOne(g, PULL + 16, pull);
        fs = add(fs, add(first(q + EV_STORED, SLOPE), f64x2.replace_lane(both(0), 0, pull)));
      }

      if (hasVehicleHere && canFeedBack) {
        const b = -evPerDischarge, per = -perEvTaken, h = one(q + EV_DISCHARGE, CURVE), slope = first(q + EV_DISCHARGE, SLOPE);
        const vt = b * ts - td, ve = b * es - ed, vs = b * ss - sd, vd = b * sd - dd;
        const all = h + Math.max(b * b * ss + (dd - 2 * b * sd), 0), rest = ((h - vd) * per) / all, i = 1 / all;
        ts = vt * rest + td * per; es = ve * rest + ed * per; ss = vs * rest + sd * per;
        tt -= (vt * vt) * i; te -= (vt * ve) * i; ee -= (ve * ve) * i;
        dd = b * sd - (vd * (h + b * vs)) * i;
        td -= (vt * vd) * i; ed -= (ve * vd) * i; sd -= (vs * vd) * i;
        const kt = vt * i, ke = ve * i, ks = vs * i, kd = vd * i;
        keepGains(g + gains(4), kt, ke, ks, kd, i, rest);
        const y = add(sub(mul(both(b), fs), fd), slope), u = mul(y, both(i));
        put(g, column(4), u);
        shared = add(shared, mul(v128.shuffle<f64>(y, y, 1, 1), u));
        fs = sub(mul(y, both(rest)), mul(sub(slope, fd), both(per)));
        fd = sub(fd, mul(both(kd), y));
        ft = sub(ft, mul(both(kt), y)); fe = sub(fe, mul(both(ke), y));
        if (hasLoads) {
          const z = sub(mul(both(b), ls), ld), w = mul(z, both(i));
          put(g, loadColumn(0, 4), w);
          const z0 = v128.shuffle<f64>(z, z, 0, 0), z1 = v128.shuffle<f64>(z, z, 1, 1);
          own0 = add(own0, mul(z0, w)); own1 = add(own1, mul(z1, w));
          plain0 = add(plain0, mul(z0, u)); plain1 = add(plain1, mul(z1, u));
          ls = add(mul(z, both(rest)), mul(ld, both(per)));
          ld = sub(ld, mul(both(kd), z));
          lt = sub(lt, mul(both(kt), z)); le = sub(le, mul(both(ke), z));
        }
      }
      if (hasVehicleHere) {
        const b = evPerCharge, per = perEvStored, h = one(q + EV_CHARGE, CURVE), slope = first(q + EV_CHARGE, SLOPE);
        const vt = b * ts + td, ve = b * es + ed, vs = b * ss + sd, vd = b * sd + dd;
        const all = h + Math.max(b * b * ss + (dd + 2 * b * sd), 0), rest = ((h + vd) * per) / all, i = 1 / all;
        ts = vt * rest - td * per; es = ve * rest - ed * per; ss = vs * rest - sd * per;
        tt -= (vt * vt) * i; te -= (vt * ve) * i; ee -= (ve * ve) * i;
        dd = (vd * (h + b * vs)) * i - b * sd;
        td -= (vt * vd) * i; ed -= (ve * vd) * i; sd -= (vs * vd) * i;
        const kt = vt * i, ke = ve * i, ks = vs * i, kd = vd * i;
        keepGains(g + gains(3), kt, ke, ks, kd, i, rest);
        const y = add(add(mul(both(b), fs), fd), slope), u = mul(y, both(i));
        put(g, column(3), u);
        shared = add(shared, mul(v128.shuffle<f64>(y, y, 1, 1), u));
        fs = sub(mul(y, both(rest)), mul(add(slope, fd), both(per)));
        fd = sub(fd, mul(both(kd), y));
        ft = sub(ft, mul(both(kt), y)); fe = sub(fe, mul(both(ke), y));
        if (hasLoads) {
          const z = add(mul(both(b), ls), ld), w = mul(z, both(i));
          put(g, loadColumn(0, 3), w);
          const z0 = v128.shuffle<f64>(z, z, 0, 0), z1 = v128.shuffle<f64>(z, z, 1, 1);
          own0 = add(own0, mul(z0, w)); own1 = add(own1, mul(z1, w));
          plain0 = add(plain0, mul(z0, u)); plain1 = add(plain1, mul(z1, u));
          ls = sub(mul(z, both(rest)), mul(ld, both(per)));
          ld = sub(ld, mul(both(kd), z));
          lt = sub(lt, mul(both(kt), z)); le = sub(le, mul(both(ke), z));
        }
      }
      if (hasBattery) {
        const b = -storedPerDischarge, per = -perTaken, h = one(q + DISCHARGE, CURVE), slope = first(q + DISCHARGE, SLOPE);
        const vt = b * te - td, ve = b * ee - ed, vs = b * es - sd, vd = b * ed - dd;
        const all = h + Math.max(b * b * ee + (dd - 2 * b * ed), 0), rest = ((h - vd) * per) / all, i = 1 / all;
        te = vt * rest + td * per; ee = ve * rest + ed * per; es = vs * rest + sd * per;
        tt -= (vt * vt) * i; ts -= (vt * vs) * i; ss -= (vs * vs) * i;
        dd = b * ed - (vd * (h + b * ve)) * i;
        td -= (vt * vd) * i; ed -= (ve * vd) * i; sd -= (vs * vd) * i;
        const kt = vt * i, ke = ve * i, ks = vs * i, kd = vd * i;
        keepGains(g + gains(2), kt, ke, ks, kd, i, rest);
        const y = add(sub(mul(both(b), fe), fd), slope), u = mul(y, both(i));
        put(g, column(2), u);
        shared = add(shared, mul(v128.shuffle<f64>(y, y, 1, 1), u));
        fe = sub(mul(y, both(rest)), mul(sub(slope, fd), both(per)));
        fd = sub(fd, mul(both(kd), y));
        ft = sub(ft, mul(both(kt), y)); fs = sub(fs, mul(both(ks), y));
        if (hasLoads) {
          const z = sub(mul(both(b), le), ld), w = mul(z, both(i));
          put(g, loadColumn(0, 2), w);
          const z0 = v128.shuffle<f64>(z, z, 0, 0), z1 = v128.shuffle<f64>(z, z, 1, 1);
          own0 = add(own0, mul(z0, w)); own1 = add(own1, mul(z1, w));
          plain0 = add(plain0, mul(z0, u)); plain1 = add(plain1, mul(z1, u));
          le = add(mul(z, both(rest)), mul(ld, both(per)));
          ld = sub(ld, mul(both(kd), z));
          lt = sub(lt, mul(both(kt), z)); ls = sub(ls, mul(both(ks), z));
        }
      }
      if (hasBattery) {
        const b = storedPerCharge, per = perStored, h = one(q + CHARGE, CURVE), slope = first(q + CHARGE, SLOPE);
        const vt = b * te + td, ve = b * ee + ed, vs = b * es + sd, vd = b * ed + dd;
        const all = h + Math.max(b * b * ee + (dd + 2 * b * ed), 0), rest = ((h + vd) * per) / all, i = 1 / all;
        te = vt * rest - td * per; ee = ve * rest - ed * per; es = vs * rest - sd * per;
        tt -= (vt * vt) * i; ts -= (vt * vs) * i; ss -= (vs * vs) * i;
        dd = (vd * (h + b * ve)) * i - b * ed;
        td -= (vt * vd) * i; ed -= (ve * vd) * i; sd -= (vs * vd) * i;
        const kt = vt * i, ke = ve * i, ks = vs * i, kd = vd * i;
        keepGains(g + gains(1), kt, ke, ks, kd, i, rest);
        const y = add(add(mul(both(b), fe), fd), slope), u = mul(y, both(i));
        put(g, column(1), u);
        shared = add(shared, mul(v128.shuffle<f64>(y, y, 1, 1), u));
        fe = sub(mul(y, both(rest)), mul(add(slope, fd), both(per)));
        fd = sub(fd, mul(both(kd), y));
        ft = sub(ft, mul(both(kt), y)); fs = sub(fs, mul(both(ks), y));
        if (hasLoads) {
          const z = add(mul(both(b), le), ld), w = mul(z, both(i));
          put(g, loadColumn(0, 1), w);
          const z0 = v128.shuffle<f64>(z, z, 0, 0), z1 = v128.shuffle<f64>(z, z, 1, 1);
          own0 = add(own0, mul(z0, w)); own1 = add(own1, mul(z1, w));
          plain0 = add(plain0, mul(z0, u)); plain1 = add(plain1, mul(z1, u));
          le = sub(mul(z, both(rest)), mul(ld, both(per)));
          ld = sub(ld, mul(both(kd), z));
          lt = sub(lt, mul(both(kt), z)); ls = sub(ls, mul(both(ks), z));
        }
      }
      if (hasHeat) {
        const b = gain, per = perHeat, h = one(q + HEAT, CURVE), slope = first(q + HEAT, SLOPE);
        const vt = b * tt + td, ve = b * te + ed, vs = b * ts + sd, vd = b * td + dd;
        const all = h + Math.max(b * b * tt + (dd + 2 * b * td), 0), rest = ((h + vd) * per) / all, i = 1 / all;
        tt = vt * rest - td * per; te = ve * rest - ed * per; ts = vs * rest - sd * per;
        ee -= (ve * ve) * i; es -= (ve * vs) * i; ss -= (vs * vs) * i;
        const kt = vt * i, ke = ve * i, ks = vs * i, kd = vd * i;
        keepGains(g + gains(0), kt, ke, ks, kd, i, rest);
        const y = add(add(mul(both(b), ft), fd), slope), u = mul(y, both(i));
        put(g, column(0), u);
        shared = add(shared, mul(v128.shuffle<f64>(y, y, 1, 1), u));
        ft = sub(mul(y, both(rest)), mul(add(slope, fd), both(per)));
        fd = sub(fd, mul(both(kd), y));
        fe = sub(fe, mul(both(ke), y)); fs = sub(fs, mul(both(ks), y));
        if (hasLoads) {
          const z = add(mul(both(b), lt), ld), w = mul(z, both(i));
          put(g, loadColumn(0, 0), w);
          const z0 = v128.shuffle<f64>(z, z, 0, 0), z1 = v128.shuffle<f64>(z, z, 1, 1);
          own0 = add(own0, mul(z0, w)); own1 = add(own1, mul(z1, w));
          plain0 = add(plain0, mul(z0, u)); plain1 = add(plain1, mul(z1, u));
          lt = sub(mul(z, both(rest)), mul(ld, both(per)));
          ld = sub(ld, mul(both(kd), z));
          le = sub(le, mul(both(ke), z)); ls = sub(ls, mul(both(ks), z));
        }
        tt *= kept * kept; te *= kept; ts *= kept;
        ft = mul(both(kept), ft);
        lt = mul(both(kept), lt);
      }
    }
  }
  if (hasPeak) {
    border.addSlope(0, -f64x2.extract_lane(shared, 0));
    border.addMatrix(0, 0, -f64x2.extract_lane(shared, 1));
    border.addDrift(0, f64x2.extract_lane(drift, 1));
  }
  if (hasLoads) leave(0, loadDrift, plain0, own0, 0);
  if (hasSecond) leave(1, v128.shuffle<f64>(loadDrift, loadDrift, 1, 0), plain1, own1, 1);
  for (let pair = 1; 2 * pair < loads; pair++) eliminateLoads(pair);
  border.factorBorder();
}

@inline function keepGains(g: usize, t: f64, e: f64, s: f64, d: f64, inverse: f64, rest: f64): void {
  putOne(g, 0, t);
  putOne(g, 8, e);
  putOne(g, 16, s);
  putOne(g, 24, d);
  putOne(g, 32, inverse);
  putOne(g, 40, rest);
}

@inline function loadColumn(pair: i32, control: i32): usize {
  return FEED_LOADS + <usize>pair * 80 + (<usize>control << 4);
}

/** Of loads k and k + 1, one a lane. */
@inline function inverseLoads(q: usize, k: i32, hasSecond: bool): v128 {
  const inverse = first(loadOf(q, k), INVERSE_LOAD);
  return hasSecond ? f64x2.replace_lane(inverse, 1, one(loadOf(q, k + 1), INVERSE_LOAD)) : inverse;
}

/** The right-hand sides of two further loads' prices, backward through the stages as they stand. */
function eliminateLoads(pair: i32): void {
  const k = 2 * pair;
  const hasSecond = k + 1 < loads;
  let ft = both(0), fe = both(0), fs = both(0), drift = both(0);
  // What they share with each other, and with the prediction and the peak.
  let own0 = both(0), own1 = both(0), plain0 = both(0), plain1 = both(0);
  for (let t = slots - 1; t >= 0; t--) {
    const q = block(t >> 1) + ((<usize>t & 1) << 3);
    const g = stage(t);
    const hasVehicleHere = ((load<u32>(block(t >> 1) + HERE) >> (t & 1)) & 1) != 0;
    if (hasHeat) drift = add(drift, mul(both(one(q, OFF_INDOOR)), ft));
    if (hasBattery) drift = add(drift, mul(both(one(q, OFF_STORED)), fe));
    if (hasVehicle) drift = add(drift, mul(both(one(q, OFF_EV)), fs));
    let fd = f64x2.neg(mul(both(one(q, PRICE_CURVE)), inverseLoads(q, k, hasSecond)));
    if (hasVehicleHere && canFeedBack) {
      const y = sub(mul(both(-evPerDischarge), fs), fd), at = g + gains(4);
      fs = sub(mul(y, both(one(at, 40))), mul(f64x2.neg(fd), both(-perEvTaken)));
      fd = sub(fd, mul(both(one(at, 24)), y));
      ft = sub(ft, mul(both(one(at, 0)), y)); fe = sub(fe, mul(both(one(at, 8)), y));
      const u = mul(y, both(one(at, 32)));
      put(g, loadColumn(pair, 4), u);
      const y0 = v128.shuffle<f64>(y, y, 0, 0), y1 = v128.shuffle<f64>(y, y, 1, 1), plain = get(g, column(4));
      own0 = add(own0, mul(y0, u)); own1 = add(own1, mul(y1, u));
      plain0 = add(plain0, mul(y0, plain)); plain1 = add(plain1, mul(y1, plain));
      shareEarlier(pair, 4, g, y);
    }
    if (hasVehicleHere) {
      const y = add(mul(both(evPerCharge), fs), fd), at = g + gains(3);
      fs = sub(mul(y, both(one(at, 40))), mul(fd, both(perEvStored)));
      fd = sub(fd, mul(both(one(at, 24)), y));
      ft = sub(ft, mul(both(one(at, 0)), y)); fe = sub(fe, mul(both(one(at, 8)), y));
      const u = mul(y, both(one(at, 32)));
      put(g, loadColumn(pair, 3), u);
      const y0 = v128.shuffle<f64>(y, y, 0, 0), y1 = v128.shuffle<f64>(y, y, 1, 1), plain = get(g, column(3));
      own0 = add(own0, mul(y0, u)); own1 = add(own1, mul(y1, u));
      plain0 = add(plain0, mul(y0, plain)); plain1 = add(plain1, mul(y1, plain));
      shareEarlier(pair, 3, g, y);
    }
    if (hasBattery) {
      const y = sub(mul(both(-storedPerDischarge), fe), fd), at = g + gains(2);
      fe = sub(mul(y, both(one(at, 40))), mul(f64x2.neg(fd), both(-perTaken)));
      fd = sub(fd, mul(both(one(at, 24)), y));
      ft = sub(ft, mul(both(one(at, 0)), y)); fs = sub(fs, mul(both(one(at, 16)), y));
      const u = mul(y, both(one(at, 32)));
      put(g, loadColumn(pair, 2), u);
      const y0 = v128.shuffle<f64>(y, y, 0, 0), y1 = v128.shuffle<f64>(y, y, 1, 1), plain = get(g, column(2));
      own0 = add(own0, mul(y0, u)); own1 = add(own1, mul(y1, u));
      plain0 = add(plain0, mul(y0, plain)); plain1 = add(plain1, mul(y1, plain));
      shareEarlier(pair, 2, g, y);
    }
    if (hasBattery) {
      const y = add(mul(both(storedPerCharge), fe), fd), at = g + gains(1);
      fe = sub(mul(y, both(one(at, 40))), mul(fd, both(perStored)));
      fd = sub(fd, mul(both(one(at, 24)), y));
      ft = sub(ft, mul(both(one(at, 0)), y)); fs = sub(fs, mul(both(one(at, 16)), y));
      const u = mul(y, both(one(at, 32)));
      put(g, loadColumn(pair, 1), u);
      const y0 = v128.shuffle<f64>(y, y, 0, 0), y1 = v128.shuffle<f64>(y, y, 1, 1), plain = get(g, column(1));
      own0 = add(own0, mul(y0, u)); own1 = add(own1, mul(y1, u));
      plain0 = add(plain0, mul(y0, plain)); plain1 = add(plain1, mul(y1, plain));
      shareEarlier(pair, 1, g, y);
    }
    if (hasHeat) {
      const y = add(mul(both(gain), ft), fd), at = g + gains(0);
      ft = sub(mul(y, both(one(at, 40))), mul(fd, both(perHeat)));
      fd = sub(fd, mul(both(one(at, 24)), y));
      fe = sub(fe, mul(both(one(at, 8)), y)); fs = sub(fs, mul(both(one(at, 16)), y));
      const u = mul(y, both(one(at, 32)));
      put(g, loadColumn(pair, 0), u);
      const y0 = v128.shuffle<f64>(y, y, 0, 0), y1 = v128.shuffle<f64>(y, y, 1, 1), plain = get(g, column(0));
      own0 = add(own0, mul(y0, u)); own1 = add(own1, mul(y1, u));
      plain0 = add(plain0, mul(y0, plain)); plain1 = add(plain1, mul(y1, plain));
      shareEarlier(pair, 0, g, y);
      ft = mul(both(kept), ft);
    }
  }
  leave(k, drift, plain0, own0, 0);
  if (hasSecond) leave(k + 1, v128.shuffle<f64>(drift, drift, 1, 0), plain1, own1, 1);
}

/** Into the border: load k against the prediction and the peak, and against its pair. */
function leave(k: i32, drift: v128, plain: v128, own: v128, place: i32): void {
  border.addDrift(k + 1, f64x2.extract_lane(drift, 0));
  border.addSlope(k + 1, -f64x2.extract_lane(plain, 0));
  if (hasPeak) border.addMatrix(k + 1, 0, -f64x2.extract_lane(plain, 1));
  if (place == 0) {
    border.addMatrix(k + 1, k + 1, -f64x2.extract_lane(own, 0));
  } else {
    border.addMatrix(k + 1, k, -f64x2.extract_lane(own, 0));
    border.addMatrix(k + 1, k + 1, -f64x2.extract_lane(own, 1));
  }
}

/** Beyond two loads: what this pair shares with each pair before it. */
function shareEarlier(pair: i32, control: i32, g: usize, y: v128): void {
  for (let earlier = 0; earlier < pair; earlier++) {
    const u = get(g, loadColumn(earlier, control));
    for (let i = 0; i < 2; i++) {
      const k = 2 * pair + i;
      if (k >= loads) break;
      const yk = i == 0 ? f64x2.extract_lane(y, 0) : f64x2.extract_lane(y, 1);
      border.addMatrix(k + 1, 2 * earlier + 1, -yk * f64x2.extract_lane(u, 0));
      border.addMatrix(k + 1, 2 * earlier + 2, -yk * f64x2.extract_lane(u, 1));
    }
  }
}

/** Second sweep, forward: the prediction's step, and what its bounds say of it. */
export function predict(): void {
  border.solveBorder();
  forward(true);
}

/** Third sweep, backward: aims every pair at `target` and carries the new right-hand side through the stages. */
export function retarget(target: f64): void {
  border.aimBorder(target);
  const aimed = both(target);
  let ft: f64 = 0, fe: f64 = 0, fs: f64 = 0;
  let ofPeak: f64 = 0;
  let ofLoads = both(0);
  const hasLoads = loads > 0;
  for (let pair = pairs - 1; pair >= 0; pair--) {
    const p = block(pair);
    aim(p, aimed);
    for (let lane = 1; lane >= 0; lane--) {
      const t = 2 * pair + lane;
      if (t >= slots) continue;
      const q = p + (<usize>lane << 3);
      const g = stage(t);
      const hasVehicleHere = ((load<u32>(p + HERE) >> lane) & 1) != 0;
      let fd = one(q, PRICE);
      if (hasHeat) ft += one(q + INDOOR, SLOPE) + one(g, PULL);
      if (hasBattery) fe += one(q + STORED, SLOPE) + one(g, PULL + 8);
      if (hasVehicle) fs += one(q + EV_STORED, SLOPE) + one(g, PULL + 16);
      if (hasVehicleHere && canFeedBack) {
        const slope = one(q + EV_DISCHARGE, SLOPE), y = -evPerDischarge * fs + (slope - fd), at = g + gains(4);
        fs = one(at, 40) * y - (slope - fd) * (-perEvTaken);
        fd -= one(at, 24) * y;
        ft -= one(at, 0) * y; fe -= one(at, 8) * y;
        putOne(g, feed(4), y * one(at, 32));
        ofPeak += one(g, column(4) + 8) * y;
        if (hasLoads) ofLoads = add(ofLoads, mul(get(g, loadColumn(0, 4)), both(y)));
        for (let i = 1; 2 * i < loads; i++) border.shareLoads(i, mul(get(g, loadColumn(i, 4)), both(y)));
      }
      if (hasVehicleHere) {
        const slope = one(q + EV_CHARGE, SLOPE), y = evPerCharge * fs + (slope + fd), at = g + gains(3);
        fs = one(at, 40) * y - (slope + fd) * perEvStored;
        fd -= one(at, 24) * y;
        ft -= one(at, 0) * y; fe -= one(at, 8) * y;
        putOne(g, feed(3), y * one(at, 32));
        ofPeak += one(g, column(3) + 8) * y;
        if (hasLoads) ofLoads = add(ofLoads, mul(get(g, loadColumn(0, 3)), both(y)));
        for (let i = 1; 2 * i < loads; i++) border.shareLoads(i, mul(get(g, loadColumn(i, 3)), both(y)));
      }
      if (hasBattery) {
        const slope = one(q + DISCHARGE, SLOPE), y = -storedPerDischarge * fe + (slope - fd), at = g + gains(2);
        fe = one(at, 40) * y - (slope - fd) * (-perTaken);
        fd -= one(at, 24) * y;
        ft -= one(at, 0) * y; fs -= one(at, 16) * y;
        putOne(g, feed(2), y * one(at, 32));
        ofPeak += one(g, column(2) + 8) * y;
        if (hasLoads) ofLoads = add(ofLoads, mul(get(g, loadColumn(0, 2)), both(y)));
        for (let i = 1; 2 * i < loads; i++) border.shareLoads(i, mul(get(g, loadColumn(i, 2)), both(y)));
      }
      if (hasBattery) {
        const slope = one(q + CHARGE, SLOPE), y = storedPerCharge * fe + (slope + fd), at = g + gains(1);
        fe = one(at, 40) * y - (slope + fd) * perStored;
        fd -= one(at, 24) * y;
        ft -= one(at, 0) * y; fs -= one(at, 16) * y;
        putOne(g, feed(1), y * one(at, 32));
        ofPeak += one(g, column(1) + 8) * y;
        if (hasLoads) ofLoads = add(ofLoads, mul(get(g, loadColumn(0, 1)), both(y)));
        for (let i = 1; 2 * i < loads; i++) border.shareLoads(i, mul(get(g, loadColumn(i, 1)), both(y)));
      }
      if (hasHeat) {
        const slope = one(q + HEAT, SLOPE), y = gain * ft + (slope + fd), at = g + gains(0);
        ft = one(at, 40) * y - (slope + fd) * perHeat;
        fd -= one(at, 24) * y;
        fe -= one(at, 8) * y; fs -= one(at, 16) * y;
        putOne(g, feed(0), y * one(at, 32));
        ofPeak += one(g, column(0) + 8) * y;
        if (hasLoads) ofLoads = add(ofLoads, mul(get(g, loadColumn(0, 0)), both(y)));
        for (let i = 1; 2 * i < loads; i++) border.shareLoads(i, mul(get(g, loadColumn(i, 0)), both(y)));
        ft *= kept;
      }
    }
  }
  if (hasPeak) border.addSlope(0, -ofPeak);
  if (hasLoads) border.shareLoads(0, ofLoads);
  border.takeShared();
}

/** Fourth sweep, forward: the corrected step, and what its bounds say of it. */
export function correctStep(): void {
  border.solveBorder();
  forward(false);
}

@inline function forward(isPrediction: bool): void {
  const peakStep = border.peakStep, loadPrices = border.loadPrices(0);
  let xt: f64 = 0, xe: f64 = 0, xs: f64 = 0;
  for (let pair = 0; pair < pairs; pair++) {
    const p = block(pair);
    for (let lane = 0; lane < 2; lane++) {
      const t = 2 * pair + lane;
      if (t >= slots) break;
      const q = p + (<usize>lane << 3);
      const g = stage(t);
      const hasVehicleHere = ((load<u32>(p + HERE) >> lane) & 1) != 0;
      // Each control answers to the states before the slot and to the controls before it.
      const t0 = kept * xt;
      let heat: f64 = 0, charge: f64 = 0, discharge: f64 = 0, evCharge: f64 = 0, evDischarge: f64 = 0;
      if (hasHeat) {
        const at = g + gains(0);
        heat = -given(g, 0, isPrediction, peakStep, loadPrices);
        heat -= one(at, 8) * xe + one(at, 16) * xs + one(at, 0) * t0;
        putOne(q + HEAT, STEP, heat);
      }
      if (hasBattery) {
        let at = g + gains(1);
        let kt = one(at, 0), ke = one(at, 8), kd = one(at, 24);
        let known = given(g, 1, isPrediction, peakStep, loadPrices) + kt * t0 + ke * xe + one(at, 16) * xs;
        charge = -(known + (kt * gain + kd) * heat);
        putOne(q + CHARGE, STEP, charge);
        at = g + gains(2);
        kt = one(at, 0), ke = one(at, 8), kd = one(at, 24);
        known = given(g, 2, isPrediction, peakStep, loadPrices) + kt * t0 + ke * xe + one(at, 16) * xs;
        known += (kt * gain + kd) * heat;
        discharge = -(known + (ke * storedPerCharge + kd) * charge);
        putOne(q + DISCHARGE, STEP, discharge);
      }
      if (hasVehicleHere) {
        let at = g + gains(3);
        let kt = one(at, 0), ke = one(at, 8), ks = one(at, 16), kd = one(at, 24);
        let known = given(g, 3, isPrediction, peakStep, loadPrices) + kt * t0 + ke * xe + ks * xs;
        known += (kt * gain + kd) * heat;
        known += (ke * storedPerCharge + kd) * charge;
        evCharge = -(known - (ke * storedPerDischarge + kd) * discharge);
        putOne(q + EV_CHARGE, STEP, evCharge);
        if (canFeedBack) {
          at = g + gains(4);
          kt = one(at, 0), ke = one(at, 8), ks = one(at, 16), kd = one(at, 24);
          known = given(g, 4, isPrediction, peakStep, loadPrices) + kt * t0 + ke * xe + ks * xs;
          known += (kt * gain + kd) * heat;
          known += (ke * storedPerCharge + kd) * charge;
          known -= (ke * storedPerDischarge + kd) * discharge;
          evDischarge = -(known + (ks * evPerCharge + kd) * evCharge);
          putOne(q + EV_DISCHARGE, STEP, evDischarge);
        }
      }
      if (hasHeat) {
        xt = t0 + one(q, OFF_INDOOR) + gain * heat;
        putOne(q + INDOOR, STEP, xt);
      }
      if (hasBattery) {
        xe += one(q, OFF_STORED) + storedPerCharge * charge - storedPerDischarge * discharge;
        putOne(q + STORED, STEP, xe);
      }
      if (hasVehicle) {
        xs += one(q, OFF_EV) + evPerCharge * evCharge - evPerDischarge * evDischarge;
        putOne(q + EV_STORED, STEP, xs);
      }
      const demand = heat + charge - discharge + (evCharge - evDischarge);
      putOne(q, DEMAND, demand);
    }
    recover(p);
    if (isPrediction) measurePrediction(p, listOf(pair));
    else measureCorrection(p, listOf(pair));
  }
}

/** A control's step but for the states': what the right-hand side and the border leave. */
@inline function given(g: usize, control: i32, isPrediction: bool, peakStep: f64, loadPrices: v128): f64 {
  const fed = one(g, column(control) + 8) * peakStep;
  let value = fed + (isPrediction ? one(g, column(control)) : one(g, feed(control)));
  if (loads > 0) value += sum(mul(get(g, loadColumn(0, control)), loadPrices));
  for (let i = 1; 2 * i < loads; i++) value += sum(mul(get(g, loadColumn(i, control)), border.loadPrices(i)));
  return value;
}
