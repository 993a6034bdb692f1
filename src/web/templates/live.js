(() => {
  'use strict';
  const EVERY = 5000;
  const SLOWEST = 60000;
  const PATIENCE = 15000;
  const by = (id) => document.getElementById(id);
  const live = by('live');
  let wait = EVERY;
  let timer = 0;
  let isLooking = false;
  let tag = '';

  // What a page says, whatever the time.
  const said = (main) => {
    const copy = main.cloneNode(true);
    copy.querySelectorAll('.copy').forEach((button) => button.remove());
    copy.querySelectorAll('.copies').forEach((command) => command.classList.remove('copies'));
    copy.querySelectorAll('details').forEach((details) => { details.open = false; });
    copy.querySelectorAll('time').forEach((time) => { time.textContent = ''; });
    return copy.innerHTML;
  };
  let known = said(by('main'));

  const copied = async (button, code) => {
    let done = false;
    try {
      await navigator.clipboard.writeText(code.textContent);
      done = true;
    } catch {
      // Over plain HTTP there is no clipboard for scripts: mark it, as a hand would.
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      done = document.execCommand('copy');
    }
    button.textContent = done ? 'Copied' : 'Marked: copy it';
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  };

  const dress = (main) => {
    main.querySelectorAll('.command').forEach((command) => {
      const code = command.querySelector('code');
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'copy';
      button.textContent = 'Copy';
      button.setAttribute('aria-label', 'Copy ' + code.textContent.slice(0, 60));
      button.addEventListener('click', () => copied(button, code));
      command.classList.add('copies');
      command.append(button);
    });
  };

  // As src/web/html/words.rs tells spans.
  const span = (seconds) => {
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
    return `${Math.floor(seconds / 86400)} days`;
  };
  const age = (now) => {
    document.querySelectorAll('time[datetime] .ago').forEach((ago) => {
      const at = Date.parse(ago.parentNode.dateTime);
      if (at <= now) ago.textContent = `${span(Math.floor((now - at) / 1000))} ago`;
    });
  };

  const isReading = () => {
    const selection = getSelection();
    return !selection.isCollapsed && by('main').contains(selection.anchorNode);
  };

  const place = (page) => {
    const old = by('main');
    const fresh = document.importNode(page.getElementById('main'), true);
    const active = document.activeElement;
    const links = (main) => [...main.querySelectorAll('a, button, [tabindex]')];
    const at = old.contains(active) ? links(old).indexOf(active) : -1;
    const opened = (main) => [...main.querySelectorAll('details')];
    const open = opened(old).map((details) => details.open && details.textContent);
    // What is at the top of the view stays there.
    const top = [...old.querySelectorAll('[id]')].find((one) => one.getBoundingClientRect().bottom > 0);
    const before = top && top.getBoundingClientRect().top;
    old.replaceWith(fresh);
    dress(fresh);
    opened(fresh).forEach((details) => { details.open = open.includes(details.textContent); });
    const same = top && document.getElementById(top.id);
    if (same) scrollBy(0, same.getBoundingClientRect().top - before);
    if (at >= 0) (links(fresh)[at] || fresh).focus({ preventScroll: true });
    document.title = page.title;
    const icon = (doc) => doc.querySelector('link[rel=icon]');
    icon(document).href = icon(page).href;
    by('as-of').replaceWith(document.importNode(page.getElementById('as-of'), true));
  };

  const look = async (signal) => {
    const headers = { accept: 'text/html' };
    if (tag) headers['if-none-match'] = tag;
    const answer = await fetch(location.href.split('#')[0], { headers, cache: 'no-store', signal });
    const now = Date.parse(answer.headers.get('date')) || Date.now();
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(`answered ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const main = page.getElementById('main');
      if (!main) throw new Error('answered something else');
      const news = said(main);
      if (news === known) {
        tag = answer.headers.get('etag') || '';
      } else if (!isReading()) {
        known = news;
        tag = answer.headers.get('etag') || '';
        place(page);
        by('news').textContent = `Updated: ${document.title}`;
      }
    }
    age(now);
    live.textContent = ` · live, checked ${new Date(now).toISOString().slice(11, 19)}`;
    live.className = '';
  };

  const next = (ms) => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(turn, ms);
  };
  const turn = async () => {
    // Whoever comes back while an answer is waited for is shown that one; when it is there, it goes on.
    if (isLooking) return;
    isLooking = true;
    // Not AbortSignal.timeout: Safari has it since 16 alone.
    const late = new AbortController();
    const patience = setTimeout(() => late.abort(), PATIENCE);
    try {
      await look(late.signal);
      wait = EVERY;
    } catch (error) {
      wait = Math.min(wait * 2, SLOWEST);
      live.textContent = ` · not live: the exporter ${error.message.startsWith('answered') ? error.message : 'does not answer'}`;
      live.className = 'bad';
    }
    clearTimeout(patience);
    isLooking = false;
    next(wait);
  };

  dress(by('main'));
  document.addEventListener('visibilitychange', () => next(0));
  next(EVERY);
})();
