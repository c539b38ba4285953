// sipjs.mjs SERVER USER PASSWORD: a phone of SIP.js in Node. It registers, and unregisters when standard input ends.
import { once } from 'node:events';
import { Registerer, RegistererState, UserAgent } from 'sip.js';
import WebSocket from 'ws';

globalThis.WebSocket = WebSocket;
const [server, user, password] = process.argv.slice(2);
const agent = new UserAgent({
  uri: UserAgent.makeURI(`sip:${user}@example.com`),
  transportOptions: { server },
  authorizationUsername: user,
  authorizationPassword: password,
  logLevel: 'warn',
});
await agent.start();
const registerer = new Registerer(agent, { expires: 600 });
const reaches = (state) => new Promise((done, failed) => registerer.stateChange.addListener((now) => {
  if (now === state) done();
  else failed(new Error(`the registration is ${now}`));
}));

const registered = reaches(RegistererState.Registered);
await registerer.register();
await registered;
console.log('registered');
process.stdin.resume();
await once(process.stdin, 'end');

const gone = reaches(RegistererState.Unregistered);
await registerer.unregister();
await gone;
console.log('unregistered');
await agent.stop();
