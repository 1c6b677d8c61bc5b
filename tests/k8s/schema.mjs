// schema.mjs OUT FILE... - every document against the schema of its kind, in two ways.
//
// validate() of kubernetes-models knows the rules of values but passes over fields it does
// not know. So each document also becomes a TypeScript literal of its interface, which the
// compiler checks for unknown fields at any depth. To prove that it does, each document is
// written once more with one field misspelt: each of those must be refused, by that name.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { load, named } from './documents.mjs';

const [out, ...files] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), out, 'x.js'));
const typed = join(out, 'typed');

function moduleOf({ apiVersion, kind }) {
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
    if (group === 'monitoring.coreos.com')
        return `@kubernetes-models/prometheus-operator/${group}/${version}/${kind}`;
    const folder = group.endsWith('.k8s.io') ? group : group.split('.')[0];
    return `kubernetes-models/${folder ? `${folder}/` : ''}${version}/${kind}`;
}

function complaints(document) {
    const Model = require(moduleOf(document))[document.kind];
    try {
        new Model(structuredClone(document)).validate();
    } catch (error) {
        return [error.message];
    }
    return [];
}

// The deepest key whose name is the schema's and not ours; maps are free in their keys.
function misspell(document) {
    const free = new Set(['labels', 'annotations', 'matchLabels', 'data', 'requests', 'limits']);
    let deepest = { depth: 0 };
    const visit = (value, depth) => {
        for (const [key, inner] of Object.entries(value)) {
            if (!Array.isArray(value) && depth >= deepest.depth && !free.has(key))
                deepest = { depth, holder: value, key };
            if (inner !== null && typeof inner === 'object' && !free.has(key))
                visit(inner, depth + 1);
        }
    };
    const wrong = structuredClone(document);
    visit(wrong, 0);
    const { holder, key } = deepest;
    const name = `${key}x`;
    holder[name] = holder[key];
    delete holder[key];
    return { wrong, name };
}

function writeTyped(name, document) {
    const path = join(typed, `${name}.ts`);
    writeFileSync(path, `import type { I${document.kind} as It } from '${moduleOf(document)}';\n`
        + `export const it: It = ${JSON.stringify(document, null, 1)};\n`);
    return path;
}

function compile() {
    writeFileSync(join(typed, 'tsconfig.json'), JSON.stringify({
        compilerOptions: { strict: true, noEmit: true, skipLibCheck: true, target: 'es2022',
            module: 'esnext', moduleResolution: 'bundler', types: [] },
        include: ['*.ts'],
    }));
    try {
        execFileSync('node', [require.resolve('typescript/bin/tsc'), '-p', typed,
            '--pretty', 'false'], { encoding: 'utf8' });
        return '';
    } catch (error) {
        return error.stdout;
    }
}

rmSync(typed, { recursive: true, force: true });
mkdirSync(typed, { recursive: true });
const failures = [];
const wanted = new Map(); // file -> the misspelt field
let count = 0;
for (const file of files)
    for (const document of load(file)) {
        const name = `document${count++}`;
        failures.push(...complaints(document).map((text) => `${named(document)}: ${text}`));
        writeTyped(name, document);
        const { wrong, name: field } = misspell(document);
        writeTyped(`${name}_misspelt`, wrong);
        wanted.set(`${name}_misspelt.ts`, { document, field, caught: false });
    }
// One error a line; what explains it follows, indented.
for (const error of compile().split(/\n(?=\S)/).filter(Boolean)) {
    const misspelt = wanted.get(/(document\d+_misspelt\.ts)\(/.exec(error)?.[1]);
    if (!misspelt)
        failures.push(error);
    else if (error.includes(`'"${misspelt.field}"'`))
        misspelt.caught = true;
}
for (const { document, field, caught } of wanted.values())
    if (!caught)
        failures.push(`${named(document)}: the misspelt field ${field} passes`);
failures.forEach((failure) => console.log(failure));
console.log(`${count} documents, each refused with a field misspelt: ${failures.length} failures`);
process.exit(failures.length ? 1 : 0);
