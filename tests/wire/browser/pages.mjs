// pages.mjs FOLDER PORT: pages of a headless Chromium, each of them a phone, served on 127.0.0.1:PORT. What to do comes line
// by line on standard input; what the page of a user shows is in FOLDER/USER, a line for each change.
//   open USER SERVER       a new page, which registers
//   dial USER TARGET
//   click USER ID          a button: leave, answer, hold, hangup
//   close USER             the page is closed, as by its user
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const [folder, port] = process.argv.slice(2);
const page = readFileSync(new URL('page.html', import.meta.url));
const server = createServer((_, answer) => answer.setHeader('Content-Type', 'text/html').end(page));
server.listen(Number(port), '127.0.0.1');

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  ],
});
const pages = new Map();

async function open(user, url) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  await context.exposeFunction('told', (id, words) => appendFileSync(`${folder}/${user}`, `${id} ${words}\n`));
  const tab = await context.newPage();
  pages.set(user, tab);
  await tab.goto(`http://127.0.0.1:${port}/#${user}`);
  await tab.evaluate(() => {
    for (const output of document.querySelectorAll('output')) {
      new MutationObserver(() => window.told(output.id, output.value)).observe(output, { childList: true });
    }
  });
  await tab.fill('[name=server]', url);
  await tab.click('#account button');
}

const commands = {
  open,
  async dial(user, target) {
    await pages.get(user).fill('[name=target]', target);
    await pages.get(user).click('#dial button');
  },
  click: (user, id) => pages.get(user).click(`#${id}`),
  close: (user) => pages.get(user).context().close(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...words] = line.split(' ');
  await commands[command](...words);
}
await browser.close();
server.close();
