// Keeps the page as it is now: each event holds the parts that have changed, by their ids, as the server wrote them.
'use strict';

const sign = document.getElementById('live');
const waiting = new Map();
let source = null;

function say(words, tone) {
  if (sign.textContent !== words) sign.textContent = words;
  sign.className = tone;
}

// Who reads by keyboard or copies something is not disturbed.
function isInUse(part) {
  const selection = document.getSelection();
  return part.contains(document.activeElement) || (!selection.isCollapsed && selection.containsNode(part, true));
}

function patch(event) {
  say('live', 'good');
  for (const [id, html] of Object.entries(JSON.parse(event.data))) waiting.set(id, html);
  for (const [id, html] of waiting) {
    const part = document.getElementById(id);
    if (part && isInUse(part)) continue;
    if (part) part.innerHTML = html;
    waiting.delete(id);
  }
}

function open() {
  source = new EventSource('ui/events');
  source.addEventListener('parts', patch);
  source.onerror = () => {
    say('not connected', 'bad');
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 5000);  // else the browser tries again by itself
  };
}

// A page that nobody sees asks for nothing.
function follow() {
  if (source) source.close();
  source = null;
  if (!document.hidden) open();
}

document.addEventListener('visibilitychange', follow);
follow();
