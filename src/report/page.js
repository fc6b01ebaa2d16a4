(function () {
'use strict';
var table = document.getElementById('table');
if (!table) return;
var body = table.tBodies[0], heads = Array.from(table.tHead.rows[0].cells), rows = Array.from(body.rows);
var filter = document.getElementById('filter'), said = document.getElementById('said');
var outcomes = document.getElementById('outcome'), wantedOutcome = '';
var words = rows.map(function (row) { return row.textContent.toLowerCase(); });
var collator = new Intl.Collator(undefined, {numeric: true, sensitivity: 'base'});

function show() {
  var wanted = filter.value.toLowerCase().split(/\s+/), shown = 0;
  rows.forEach(function (row, i) {
    row.hidden = (wantedOutcome && outcomeOf(row) !== wantedOutcome) || !wanted.every(function (word) { return words[i].includes(word); });
    if (!row.hidden) shown++;
  });
  said.textContent = shown + ' of ' + rows.length + (rows.length === 1 ? ' row' : ' rows');
}

function outcomeOf(row) {
  return row.querySelector('.tag').textContent;
}

function addOutcome(name, count) {
  var button = document.createElement('button');
  button.type = 'button';
  button.textContent = (name || 'all') + ' ' + count;
  button.setAttribute('aria-pressed', String(!name));
  button.addEventListener('click', function () {
    wantedOutcome = name;
    Array.from(outcomes.children).forEach(function (other) { other.setAttribute('aria-pressed', String(other === button)); });
    show();
  });
  outcomes.appendChild(button);
}

function addOutcomes() {
  var counts = {};
  rows.forEach(function (row) { counts[outcomeOf(row)] = (counts[outcomeOf(row)] || 0) + 1; });
  if (Object.keys(counts).length < 2) return;
  addOutcome('', rows.length);
  Object.keys(counts).forEach(function (name) { addOutcome(name, counts[name]); });
}

function sort(column) {
  var head = heads[column], up = head.getAttribute('aria-sort') !== 'ascending';
  heads.forEach(function (other) { other.removeAttribute('aria-sort'); });
  head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
  rows.slice().sort(function (a, b) {
    var order = collator.compare(a.cells[column].textContent, b.cells[column].textContent);
    return up ? order : -order;
  }).forEach(function (row) { body.appendChild(row); });
}

heads.forEach(function (head, column) {
  var button = document.createElement('button');
  button.type = 'button';
  button.textContent = head.textContent;
  head.textContent = '';
  head.appendChild(button);
  button.addEventListener('click', function () { sort(column); });
});
heads[0].setAttribute('aria-sort', 'ascending');
addOutcomes();
filter.addEventListener('input', show);
document.getElementById('tools').hidden = false;
show();
})();
