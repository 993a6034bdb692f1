// What a real browser makes of the pages. tests/browser.rs serves them, and changes what they tell when this asks for it:
//   node look.mjs BASE SHOP [FOLDER]      FOLDER: pictures for docs/images go there, and nothing else is done
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const [base, shop, pictures] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
// The sandbox of Chromium's asks for privileges that a container of a CI has not; all that is loaded is ours.
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox'],
});

const PHONE = { width: 375, height: 812 };
const DESK = { width: 1280, height: 900 };
const PAGES = {
  status: '/',
  diagnostics: '/diagnostics',
  destination: `/diagnostics/${shop}`,
  hostile: '/diagnostics/tools',
  container: `/diagnostics/${shop}/api`,
  map: '/topology',
  events: '/events',
  runbook: '/runbooks/route-loopback-only',
  refusal: '/diagnostics/nowhere',
};

const open = async (options, path) => {
  const context = await browser.newContext({ viewport: DESK, ...options });
  const page = await context.newPage();
  const errors = [];
  page.on('console', (line) => {
    // What the browser itself notes of an answer 404 is no error of the page's.
    if (['error', 'warning'].includes(line.type()) && !line.text().includes('status of 404')) errors.push(line.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('dialog', (dialog) => { errors.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => {
    if (!request.url().startsWith(base) && !request.url().startsWith('data:')) errors.push(`asked for ${request.url()}`);
  });
  await page.goto(base + path);
  return { page, errors, context };
};

// Pictures: what the docs show, from the top of the page or from a heading in it.
if (pictures) {
  for (const [name, path, from] of [
    ['status', PAGES.status, 'body'],
    ['destination', PAGES.destination, 'body'],
    ['probes', PAGES.destination, '#probes'],
    ['map', PAGES.destination, '#drawing'],
    ['container', PAGES.container, 'body'],
  ]) {
    for (const [viewport, colorScheme, most] of [[PHONE, 'dark', 1900], [DESK, 'light', 1400]]) {
      const { page, context } = await open({ viewport, colorScheme, deviceScaleFactor: 1 }, path);
      const top = await page.$eval(from, (one) => Math.max(0, one.getBoundingClientRect().top + scrollY));
      const end = await page.evaluate(() => document.documentElement.scrollHeight);
      const clip = { x: 0, y: top, width: viewport.width, height: Math.min(most, end - top) };
      await page.screenshot({ path: `${pictures}/page-${name}-${viewport.width}.png`, fullPage: true, clip });
      await context.close();
    }
  }
  await browser.close();
  process.exit(0);
}

const done = [];
const check = async (what, how) => {
  try {
    await how();
    done.push(what);
  } catch (error) {
    console.log(`failed: ${what}\n${error.stack}`);
    process.exitCode = 1;
  }
};

const faults = async (page, rules) => {
  const run = (only) => window.axe.run(document, { resultTypes: ['violations'], ...(only && { runOnly: only }) });
  const { violations, passes } = await page.evaluate(run, rules);
  assert.ok(passes.length > 0, 'axe looked at nothing');
  const nodes = (one) => one.nodes.map((node) => `  ${node.html} ${node.failureSummary}`).join('\n');
  return violations.map((one) => `${one.id}: ${one.help}\n${nodes(one)}`);
};
for (const [name, path] of Object.entries(PAGES)) {
  for (const viewport of [PHONE, DESK]) {
    await check(`${name}, ${viewport.width} pixels`, async () => {
      const { page, errors, context } = await open({ viewport, colorScheme: 'light' }, path);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `it scrolls sideways, by ${wide} pixels`);
      await page.evaluate(axe);
      assert.deepEqual(await faults(page), [], 'in the light');
      const ground = () => getComputedStyle(document.body).backgroundColor;
      const light = await page.evaluate(ground);
      await page.emulateMedia({ colorScheme: 'dark' });
      assert.notEqual(await page.evaluate(ground), light, 'it is dark at night');
      assert.deepEqual(await faults(page, ['color-contrast', 'link-in-text-block']), [], 'in the dark');
      assert.deepEqual(errors, []);
      await context.close();
    });
  }
}

await check('names of strangers are text', async () => {
  for (const path of ['/', '/diagnostics', '/diagnostics/tools', '/topology', '/events']) {
    const { page, errors, context } = await open({}, path);
    await page.waitForTimeout(100);
    const seen = await page.evaluate(() => ({
      title: document.title,
      scripts: document.querySelectorAll('script').length,
      others: document.querySelectorAll('img, iframe, object, embed, base, form, link:not([rel=icon])').length,
      handlers: [...document.querySelectorAll('*')].filter((one) => [...one.attributes].some((a) => /^(on|style)/.test(a.name))).length,
      turned: document.body.textContent.includes('\u202e'),
    }));
    assert.ok(!seen.title.includes('owned'), seen.title);
    assert.deepEqual({ ...seen, title: '' }, { title: '', scripts: 1, others: 0, handlers: 0, turned: false }, path);
    assert.deepEqual(errors, []);
    await context.close();
  }
  const { page, context } = await open({}, '/diagnostics/tools');
  const text = await page.textContent('main');
  assert.ok(text.includes("<script>document.title='owned'</script>"), 'it stands there, as text');
  assert.ok(text.includes('safe\\u{202e}gpj.exe'), 'the mark that turns writing around is seen');
  await context.close();
});

await check('a link from a page leads to its finding, and from there to the repair in sight', async () => {
  const { page, context } = await open({ viewport: PHONE }, `/diagnostics/${shop}#container-unreachable-worker`);
  const finding = page.locator('#container-unreachable-worker');
  assert.ok(await finding.evaluate((one) => one.matches(':target')));
  const top = await finding.evaluate((one) => one.getBoundingClientRect().top);
  assert.ok(top >= 0 && top < 100, `${top}`);
  assert.match(await finding.textContent(), /docker restart worker/);
  // From the status page in two steps.
  await page.goto(`${base}/`);
  await page.click('text=Nobody reaches the container');
  assert.ok(page.url().endsWith(`/diagnostics/${shop}#container-unreachable-worker`), page.url());
  await page.click('#container-unreachable-worker >> text=Runbook');
  assert.match(await page.textContent('h1'), /container-unreachable/);
  await page.click('main a[href$=".md"] >> nth=0');
  assert.match(page.url(), /runbooks\/[a-z-]+\.md$/);
  assert.equal(await page.locator('h1').count(), 1);
  await context.close();
});

await check('the keyboard goes through it in the order of reading', async () => {
  const { page, context } = await open({}, `/diagnostics/${shop}`);
  const reached = [];
  for (let n = 0; n < 60; n++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const one = document.activeElement;
      const all = [...document.querySelectorAll('a, button, [tabindex="0"]')];
      const shown = getComputedStyle(one);
      return { text: one.textContent.trim().slice(0, 30), place: all.indexOf(one), outline: shown.outlineStyle };
    });
    if (at.place < 0) break;
    assert.notEqual(at.outline, 'none', `${at.text} is focused, and it is not seen`);
    reached.push(at);
  }
  assert.equal(reached[0].text, 'To the content');
  assert.deepEqual(reached.map((one) => one.place), reached.map((_, n) => n), 'one after the other, as they stand');
  assert.ok(reached.some((one) => one.text === 'Copy'), 'a command to copy among the first');
  await page.goto(`${base}/diagnostics/${shop}`);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  // Headings have no gaps.
  const levels = await page.evaluate(() => [...document.querySelectorAll('h1,h2,h3,h4')].map((h) => Number(h.tagName[1])));
  assert.equal(levels[0], 1);
  levels.slice(1).forEach((level, n) => assert.ok(level <= levels[n] + 1, `h${level} behind h${levels[n]}`));
  await context.close();
});

await check('a command is copied whole', async () => {
  const { page, context } = await open({ permissions: ['clipboard-read', 'clipboard-write'] }, `/diagnostics/${shop}`);
  const finding = page.locator('#container-unreachable-worker');
  await finding.locator('.copy').nth(1).click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, `docker network disconnect ${shop} worker &&\ndocker network connect ${shop} worker`);
  await finding.getByText('Copied').waitFor();
  await context.close();
});

await check('without scripts nothing is missing', async () => {
  for (const path of Object.values(PAGES)) {
    const withThem = await open({}, path);
    const without = await open({ javaScriptEnabled: false }, path);
    await withThem.page.evaluate(() => document.querySelectorAll('.copy').forEach((button) => button.remove()));
    // As it is seen; ages differ between two looks.
    const seen = async ({ page }) => (await page.innerText('main')).replace(/\d+ (s|min|h) /g, '').replace(/\s+/g, ' ');
    const plain = await seen(without);
    assert.ok(plain.length > 20, path);
    assert.equal(plain, await seen(withThem), path);
    assert.equal(await without.page.locator('.copy').count(), 0);
    await withThem.context.close();
    await without.context.close();
  }
  const { page, context } = await open({ javaScriptEnabled: false }, `/diagnostics/${shop}#container-unreachable-worker`);
  assert.match(await page.innerText('#container-unreachable-worker'), /docker restart worker/);
  assert.equal(await page.innerText('#live'), '');
  await context.close();
});

await check('it stays fresh by itself, and only what changed is fetched and shown', async () => {
  const context = await browser.newContext({ viewport: DESK });
  const page = await context.newPage();
  const errors = [];
  page.on('console', (line) => line.type() === 'error' && errors.push(line.text()));
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.clock.install();
  await page.goto(`${base}/diagnostics/${shop}`);
  const answers = [];
  page.on('response', (answer) => answers.push(answer.status()));
  const turn = async () => {
    const before = answers.length;
    for (let n = 0; n < 100 && answers.length === before; n++) {
      await page.clock.runFor(1000);
      await page.waitForTimeout(50);
    }
    await page.waitForTimeout(200);
  };
  await page.evaluate(() => { document.getElementById('main').dataset.first = 'yes'; });
  await turn();
  await turn();
  assert.deepEqual(answers, [200, 304], 'the second time nothing is sent');
  assert.equal(await page.getAttribute('main', 'data-first'), 'yes', 'and nothing is put in its place');
  assert.match(await page.textContent('#live'), /live, checked \d\d:\d\d:\d\d/);
  // Whoever marks a text keeps it.
  await page.evaluate(() => getSelection().selectAllChildren(document.querySelector('.summary')));
  console.log('repair');
  await lines.next();
  await turn();
  assert.match(await page.title(), /failing/, 'not under the hand');
  await page.evaluate(() => getSelection().removeAllRanges());
  await page.focus('nav.jump a[href="#names"]');
  await turn();
  assert.match(await page.title(), /healthy/);
  assert.equal(await page.locator('.finding').count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), '#names', 'the focus stays');
  assert.match(await page.textContent('#news'), /healthy/, 'and a screen reader is told');
  // Nobody looks: nothing is asked.
  const asked = answers.length;
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await page.clock.runFor(60000);
  await page.waitForTimeout(200);
  assert.equal(answers.length, asked, 'hidden, it rests');
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: false, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await turn();
  assert.ok(answers.length > asked, 'seen again, it looks at once');
  assert.deepEqual(errors, []);
  console.log('break');
  await lines.next();
  await context.close();
});

await check('one look at a time, however often somebody comes back, and in browsers that cannot time a signal', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(`${base}/`);
  assert.equal(await page.evaluate(() => { AbortSignal.timeout = undefined; return typeof AbortSignal.timeout; }), 'undefined');
  const held = [];
  await page.route('**/*', (route) => { held.push(route); });
  const back = () => page.evaluate(() => {
    for (const value of [true, false]) {
      Object.defineProperty(document, 'hidden', { value, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }
  });
  // The clock of the page, and for what is beyond the page that of the machine.
  const run = async (seconds) => {
    for (let n = 0; n < seconds; n++) {
      await page.clock.runFor(1000);
      await page.waitForTimeout(20);
    }
  };
  await run(6);
  assert.equal(held.length, 1);
  for (let n = 0; n < 3; n++) {
    await back();
    await run(1);
  }
  assert.equal(held.length, 1, 'the first is still open');
  await held[0].continue();
  await page.waitForFunction(() => document.getElementById('live').textContent.includes('live, checked'));
  await run(6);
  assert.equal(held.length, 2, 'and one goes on from there');
  // Nobody answers that one: it is given up, and the next comes later.
  await run(20);
  assert.match(await page.textContent('#live'), /not live: the exporter does not answer/);
  await run(12);
  assert.equal(held.length, 3);
  await context.close();
});

await check('a server that is gone is told, and asked more and more seldom', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(`${base}/`);
  let asked = 0;
  await page.route('**/*', (route) => { asked += 1; return route.abort(); });
  for (let n = 0; n < 120; n++) {
    await page.clock.runFor(1000);
    if (n % 5 === 0) await page.waitForTimeout(20);
  }
  await page.waitForTimeout(200);
  assert.match(await page.textContent('#live'), /not live: the exporter does not answer/);
  assert.ok(asked >= 2 && asked <= 6, `${asked} in two minutes`);
  await context.close();
});

await browser.close();
console.log(`${done.length} checks passed`);
process.exit();
