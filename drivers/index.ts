export type * from './devices/capabilities.ts';
export { DriversError, type DriversErrorCode } from './errors.ts';

export { type Broker, type BrokerOptions, startBroker } from './mqtt/broker.ts';
export { connectMqtt, type MqttOptions, type MqttTransport } from './mqtt/client.ts';
export type { Log } from './mqtt/log.ts';
export { clockTopicOf } from './mqtt/topics.ts';
