// status.mjs SOCKET PORT FOLDER COMMAND: looks at the status page in a headless Chromium. The admin socket SOCKET is
// carried to 127.0.0.1:PORT, as ssh -L would. COMMAND makes carol register while the page is open. Pictures go to FOLDER.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { chromium } from 'playwright-core';

const [socket, port, folder, command] = process.argv.slice(2);
const axe = createRequire(import.meta.url)('axe-core');
const url = `http://localhost:${port}/`;
createServer((from) => {
  const to = connect(socket);
  for (const [a, b] of [[from, to], [to, from]]) a.pipe(b).on('error', () => a.destroy());
}).listen(Number(port), '127.0.0.1').unref();

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'],
});

// Runs `look` with a page of its own; nothing may be refused by the policy, fail or throw meanwhile.
async function visit(options, look) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await look(page);
  assert.deepEqual(complaints, []);
  await context.close();
}

const desk = { width: 1280, height: 900 };
const phone = { width: 375, height: 720 };
const search = `${url}ui?aor=alice%40example.com`;

// Without script: a page, a form, an answer.
await visit({ javaScriptEnabled: false, viewport: desk }, async (page) => {
  await page.goto(url);
  assert.equal(await page.title(), 'Muster');
  assert.equal(await page.textContent('#health .badge'), 'ready');
  await page.fill('#aor', 'alice@example.com');
  await page.press('#aor', 'Enter');
  await page.waitForURL('**/ui?aor=alice%40example.com');
  const found = await page.textContent('#search');
  assert.match(found, /sip:alice@127\.0\.0\.1:5999/);
  assert.match(found, /onerror=alert\(1\)/, 'the device, in its words');
  assert.match(found, /Looked up as proxy/);
  await page.fill('#aor', 'nobody@example.com');
  await page.click('header button');
  assert.match(await page.textContent('#search'), /No Such Account/);
});

// What phones say is text, in what is sent later too.
await visit({ viewport: desk }, async (page) => {
  await page.goto(search);
  await page.waitForSelector('#live.good');
  assert.equal(await page.title(), 'alice@example.com - Muster');
  assert.equal(await page.locator('img, body script').count(), 0);
});

// Live: a phone that registers is there without a reload; who has the focus in a part keeps it.
await visit({ viewport: desk }, async (page) => {
  await page.goto(url);
  await page.waitForSelector('#live.good');
  const bound = () => page.textContent('#numbers div:nth-child(2) dd');
  assert.equal(await bound(), '1');
  const traffic = await page.textContent('#transports');
  await page.evaluate(() => { const part = document.getElementById('numbers'); part.tabIndex = -1; part.focus(); });
  execFileSync('bash', ['-c', command], { stdio: 'ignore' });
  await page.waitForFunction((before) => document.getElementById('transports').textContent !== before, traffic);
  assert.equal(await bound(), '1');
  await page.evaluate(() => document.activeElement.blur());
  await page.waitForFunction(() => document.querySelector('#numbers div:nth-child(2) dd').textContent === '2');
});

for (const colorScheme of ['light', 'dark']) {
  for (const [name, viewport] of Object.entries({ desk, phone })) {
    for (const [what, address] of Object.entries({ status: url, search })) {
      await visit({ colorScheme, viewport, reducedMotion: 'reduce' }, async (page) => {
        await page.goto(address);
        await page.waitForSelector('#live.good');
        await page.evaluate(axe.source);
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        const wrong = violations.map((each) => [each.id, ...each.nodes.map((node) => `${node.html}: ${node.failureSummary}`)]);
        assert.deepEqual(wrong, [], `${what}, ${name}, ${colorScheme}`);
        const spills = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        assert.equal(spills, false, `${what} is wider than the ${name}`);
        await page.screenshot({ path: `${folder}/${what}-${name}-${colorScheme}.png`, fullPage: true });
      });
    }
  }
}
await browser.close();
process.exit(0);
