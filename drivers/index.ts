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
export { DriversError, type DriversErrorCode } from './errors.ts';

export { type Broker, type BrokerOptions, startBroker } from './mqtt/broker.ts';
export { connectMqtt, type MqttOptions, type MqttTransport } from './mqtt/client.ts';
export type { Log } from './mqtt/log.ts';
export { clockTopicOf } from './mqtt/topics.ts';
export { loadProfile } from './profiles/load.ts';
export type { Profile } from './profiles/schema.ts';
