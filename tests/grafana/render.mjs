// Draws each dashboard with Grafana's own libraries, of what a real Prometheus recorded: render.mjs BUNDLE RECORDING IMAGES
//
// A picture is not all that it is for: an error of a query, a variable, a unit, a transformation or a link is one of the
// page here as it would be one in Grafana.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createListener } from 'node:net';
import { basename, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const [bundle, recording, images] = process.argv.slice(2);
const here = fileURLToPath(new URL('.', import.meta.url));
const dashboards = join(here, '../../dashboards');
const WIDTH = 1600;
/** Grafana's own: the height of a cell of its grid, and the gap below it. */
const [CELL, GAP] = [30, 8];
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html' };

const freePort = () =>
  new Promise((resolve) => {
    const listener = createListener().listen(0, '127.0.0.1', () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });

/** What is between nodes was played apart. */
const recordingOf = (name) => join(recording, name === 'swarm' ? 'swarm' : 'host');

async function prometheus(recording) {
  const port = await freePort();
  const config = join(recording, 'empty.yml');
  writeFileSync(config, 'global: {}\n');
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(recording, 'data')}`,
      '--storage.tsdb.retention.time=10y',
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] }
  );
  let log = '';
  child.stderr.on('data', (piece) => (log += piece));
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    try {
      if ((await fetch(`${url}/-/ready`)).ok) return { url, end: () => child.kill('SIGTERM') };
    } catch {
      // Not yet.
    }
    if (tries > 300 || child.exitCode !== null) throw new Error(`Prometheus does not start:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const HTML = (dashboard, times) => `<!doctype html>
<html><head><meta charset="utf-8"><title>${dashboard.uid}</title><link rel="stylesheet" href="/main.css">
<script>
window.dashboard = ${JSON.stringify(dashboard).replaceAll('<', '\\u003c')};
window.times = ${JSON.stringify(times)};
window.__grafana_public_path__ = '/public/';
window.grafanaBootData = { settings: {}, user: {}, navTree: [] };
</script></head>
<body style="margin:0;background:#111217"><div id="root" style="display:flex;flex-direction:column;width:${WIDTH - 32}px;padding:12px 16px"></div>
<script src="/main.js"></script></body></html>`;

async function serve(upstream, times) {
  const server = createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url, 'http://x');
    try {
      if (pathname.startsWith('/prometheus/')) {
        const answer = await fetch(upstream + pathname.slice('/prometheus'.length) + search);
        response.writeHead(answer.status, { 'content-type': 'application/json' });
        response.end(Buffer.from(await answer.arrayBuffer()));
        return;
      }
      const type = TYPES[extname(pathname)];
      let body;
      if (pathname.startsWith('/d/')) {
        const name = basename(pathname);
        body = HTML(JSON.parse(readFileSync(join(dashboards, `${name}.json`), 'utf8')), times);
        response.writeHead(200, { 'content-type': 'text/html' });
      } else if (pathname === '/main.js' || pathname === '/main.css') {
        body = readFileSync(join(bundle, pathname));
        response.writeHead(200, { 'content-type': type });
      } else {
        const inside = normalize(pathname).replace(/^\/public\/(build\/)?/, '');
        body = readFileSync(join(here, 'node_modules/@grafana/ui/dist/public', inside));
        response.writeHead(200, { 'content-type': type ?? 'application/octet-stream' });
      }
      response.end(body);
    } catch (error) {
      response.writeHead(404);
      response.end(String(error));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, end: () => server.close() };
}

/** What is on the page that nobody ought to see. */
function wrongOnPage() {
  const wrong = [...window.problems];
  for (const status of document.querySelectorAll('[data-testid="data-testid Panel status error"]')) {
    const panel = status.closest('section');
    wrong.push(`${panel?.getAttribute('data-testid')}: an error: ${status.getAttribute('aria-label') ?? ''}`);
  }
  const text = document.body.innerText;
  for (const word of ['undefined', 'NaN', 'Invalid date', '${', '{{']) {
    if (text.includes(word)) wrong.push(`${word}: ${text.slice(Math.max(0, text.indexOf(word) - 60), text.indexOf(word) + 20)}`);
  }
  for (const { panel, url } of window.links()) {
    if (/\$\{|undefined|\/\/$|=&|\/diagnostics\/#/.test(url.replace(/var-\w+=(?=&)/g, ''))) wrong.push(`${panel}: a link to ${url}`);
  }
  return wrong;
}

async function draw(browser, site, name, dashboard) {
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 1000 }, deviceScaleFactor: 1 });
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(`an exception: ${error.stack ?? error}`));
  page.on('console', (message) => {
    // Grafana's fonts are in none of its packages, and some icons neither; the machine's fonts stand in.
    const { url } = message.location();
    if (message.type() === 'error' && !/\/fonts\/|\/favicon.ico$|\/icons\/unicons\/[a-z-]+.svg$/.test(url)) wrong.push(`console: ${message.text()} ${url}`);
  });
  const rows = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h));
  await page.setViewportSize({ width: WIDTH, height: rows * (CELL + GAP) + 150 });
  await page.goto(`${site}/d/${name}`);
  await page.waitForLoadState('networkidle');
  await page.waitForFunction(() => document.querySelectorAll('[aria-label="Panel loading bar"]').length === 0);
  await page.waitForTimeout(1500);
  await page.waitForLoadState('networkidle');
  wrong.push(...(await page.evaluate(wrongOnPage)));
  const seen = await page.evaluate(() => ({ asked: window.asked.length, links: window.links().length, units: window.units }));
  const drawn = await page.locator('section[data-testid^="data-testid Panel header"]').count();
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  if (drawn !== panels.length) wrong.push(`${drawn} of ${panels.length} panels are drawn`);
  const units = JSON.stringify(panels).matchAll(/"unit":"([^"]+)"|"id":"unit","value":"([^"]+)"/g);
  for (const [, one, other] of units) {
    if (!seen.units.includes(one ?? other)) wrong.push(`Grafana has no unit ${one ?? other}`);
  }
  await page.screenshot({ path: join(images, `dashboard-${name}.png`), fullPage: true });
  const empty = await page.evaluate(() =>
    [...document.querySelectorAll('[data-no-value]')].map((one) => one.closest('section')?.querySelector('h2, h6')?.textContent ?? one.textContent)
  );
  console.log(`${name}: ${drawn} panels, ${seen.asked} queries, ${seen.links} links${empty.length ? `, with nothing to show: ${empty.join(', ')}` : ''}`);
  await page.close();
  return wrong.map((one) => `${name}: ${one}`);
}

const names = readdirSync(dashboards).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5));
const wanted = names.filter((name) => !process.env.ONLY || name === process.env.ONLY);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const wrong = [];
try {
  for (const of of new Set(wanted.map(recordingOf))) {
    const times = JSON.parse(readFileSync(join(of, 'times.json'), 'utf8'));
    const upstream = await prometheus(of);
    const site = await serve(upstream.url, times);
    try {
      for (const name of wanted.filter((name) => recordingOf(name) === of)) {
        const dashboard = JSON.parse(readFileSync(join(dashboards, `${name}.json`), 'utf8'));
        wrong.push(...(await draw(browser, site.url, name, dashboard)));
      }
    } finally {
      site.end();
      upstream.end();
    }
  }
} finally {
  await browser.close();
}
if (wrong.length) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
