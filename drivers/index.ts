export {
  type Arbiter,
  type ArbiterRules,
  type Claim,
  type Claimant,
  createArbiter,
  type Permit,
} from './devices/arbiter.ts';
export type * from './devices/capabilities.ts';
export { connectDevice } from './devices/connect.ts';
export type { DeviceContext, DeviceDescription, DeviceEvent, LinkPool } from './devices/description.ts';
export { createLinkPool } from './devices/link-pool.ts';
export type { DeviceFault } from './emulators/device-fault.ts';
export {
  type EmulatedDevice,
  type HouseEmulator,
  type HouseEmulatorOptions,
  startHouseEmulator,
} from './emulators/house-emulator.ts';
export type { HouseSpec } from './emulators/house-spec.ts';
export type { HouseSnapshot } from './emulators/running-house.ts';
export { DriversError, type DriversErrorCode } from './errors.ts';

export { type Broker, type BrokerOptions, startBroker } from './mqtt/broker.ts';
export type { BrokerAccess } from './mqtt/link-setting.ts';
export type { BrokerStatus } from './mqtt/link-status.ts';
export type { Log } from './mqtt/log.ts';
export { clockTopicOf } from './mqtt/topics.ts';
export { connectMqtt, type MqttOptions, type MqttTransport } from './mqtt/transport.ts';
export { loadProfile } from './profiles/load.ts';
export type { Profile } from './profiles/schema.ts';
