// A phone in a page: phone.html with JsSIP. page.html#bob is bob's, with the password bob-secret.
import JsSIP from 'jssip';

const part = (id) => document.getElementById(id);
const show = (id, words) => { part(id).value = words; };
const fields = (form) => Object.fromEntries(new FormData(form));
const media = { mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } };
let phone;
let call;

function register({ server, user, domain, password }) {
  phone?.stop();
  phone = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(server)],
    uri: `sip:${user}@${domain}`,
    password,
    register_expires: 600,
    session_timers: false,
  });
  phone.on('registered', () => show('registration', 'registered'));
  phone.on('unregistered', () => show('registration', 'unregistered'));
  phone.on('registrationFailed', ({ cause }) => show('registration', `failed: ${cause}`));
  phone.on('disconnected', () => show('registration', 'not connected'));
  phone.on('newRTCSession', ({ session }) => begin(session));
  phone.start();
}

// One call at a time; a second one is told that we are busy.
function begin(session) {
  if (call) return session.terminate({ status_code: 486 });
  call = session;
  const end = (words) => { call = undefined; show('call', words); };
  show('call', session.direction === 'incoming' ? `${session.remote_identity.uri.user} calls` : 'calling');
  session.on('progress', () => session.direction === 'outgoing' && show('call', 'ringing'));
  session.on('confirmed', () => show('call', 'talking'));
  session.on('failed', ({ cause, message }) => end(`failed: ${message?.status_code ?? ''} ${cause}`));
  session.on('ended', () => end('ended'));
  const hear = (connection) => connection.addEventListener('track', ({ streams }) => { part('voice').srcObject = streams[0]; });
  if (session.connection) hear(session.connection);
  else session.on('peerconnection', ({ peerconnection }) => hear(peerconnection));
}

function when(id, event, action) {
  part(id).addEventListener(event, (what) => {
    what.preventDefault();
    action(what.target);
  });
}

const user = location.hash.slice(1);
if (user) for (const [name, value] of Object.entries({ user, password: `${user}-secret` })) part('account').elements[name].value = value;
when('account', 'submit', (form) => register(fields(form)));
when('leave', 'click', () => phone?.unregister());
when('dial', 'submit', (form) => phone?.call(fields(form).target, media));
when('answer', 'click', () => call?.answer(media));
when('hold', 'click', () => (call?.isOnHold().local ? call.unhold() : call?.hold()));
when('hangup', 'click', () => call?.terminate());
