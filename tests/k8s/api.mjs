// api.mjs PORT-FILE - so much of a cluster's API that kubectl works with it: what is applied is
// kept in memory; pods and claims come and go with their workloads, and a pod is ready when
// all that it mounts exists. Fields are not checked here: schema.mjs does that.
import { createServer } from 'node:http';
import { writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { quantity } from './documents.mjs';

const GOES_MS = 50; // what a pod takes to end, and its successor to come, once it may
const WATCHED_MS = 3000; // ... one that kubectl deletes, unless it looks before: as pods are slow
const kinds = [ // group/version, kind, plural, namespaced
    ['v1', 'Namespace', 'namespaces', false],
    ['v1', 'Service', 'services', true],
    ['v1', 'ConfigMap', 'configmaps', true],
    ['v1', 'Secret', 'secrets', true],
    ['v1', 'Node', 'nodes', false],
    ['v1', 'Pod', 'pods', true],
    ['v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', true, ['pvc']],
    ['apps/v1', 'StatefulSet', 'statefulsets', true],
    ['apps/v1', 'Deployment', 'deployments', true],
    ['autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', true],
    ['policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', true],
    ['networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', true],
    ['scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', false],
    ['monitoring.coreos.com/v1', 'PodMonitor', 'podmonitors', true],
    ['monitoring.coreos.com/v1', 'PrometheusRule', 'prometheusrules', true],
    ['snapshot.storage.k8s.io/v1', 'VolumeSnapshot', 'volumesnapshots', true],
].map(([groupVersion, kind, plural, namespaced, shortNames]) =>
    ({ groupVersion, kind, plural, namespaced, shortNames }));

const store = new Map(); // plural/namespace/name -> object
const watchers = new Set();
let version = 1;

const keyOf = (plural, object) =>
    `${plural}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
const find = (plural, namespace, name) => store.get(`${plural}/${namespace ?? ''}/${name}`);
const all = (plural, namespace) => [...store].filter(([key]) =>
    key.startsWith(`${plural}/${namespace === undefined ? '' : `${namespace}/`}`)).map(([, o]) => o);

function tell(type, plural, object) {
    object.metadata.resourceVersion = String(++version);
    for (const watcher of watchers)
        watcher(type, plural, object);
}
function put(plural, object) {
    const type = store.has(keyOf(plural, object)) ? 'MODIFIED' : 'ADDED';
    object.metadata.uid ??= randomUUID();
    object.metadata.creationTimestamp ??= new Date().toISOString();
    store.set(keyOf(plural, object), object);
    tell(type, plural, object);
    return object;
}
function drop(plural, object) {
    if (store.delete(keyOf(plural, object)))
        tell('DELETED', plural, object);
}

// ---- pods -----------------------------------------------------------------------------

function isThere(namespace, kind, name, key) {
    const object = find(kind, namespace, name);
    return object !== undefined && (!key || key in (object.data ?? {}));
}

// Every ConfigMap and Secret that it names, and every key of those it mounts by key.
function isMountable({ metadata: { namespace }, spec }) {
    const wanted = [];
    for (const { projected } of spec.volumes ?? [])
        for (const { secret, configMap } of projected?.sources ?? [])
            wanted.push(secret ? ['secrets', secret.name] : ['configmaps', configMap.name]);
    for (const { envFrom = [], env = [] } of spec.containers) {
        envFrom.forEach(({ configMapRef }) => wanted.push(['configmaps', configMapRef.name]));
        env.map(({ valueFrom }) => valueFrom?.configMapKeyRef)
            .filter((ref) => ref && !ref.optional)
            .forEach(({ name, key }) => wanted.push(['configmaps', name, key]));
    }
    return wanted.every(([kind, name, key]) => isThere(namespace, kind, name, key));
}

function settlePods() {
    for (const pod of all('pods')) {
        const status = isMountable(pod) ? 'True' : 'False';
        if (isReady(pod) === (status === 'True'))
            continue;
        pod.status.conditions[0].status = status;
        put('pods', pod);
    }
}

function makePod(owner, name) {
    const { labels, annotations } = owner.spec.template.metadata;
    const { namespace } = owner.metadata;
    put('pods', { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels, annotations },
        spec: { ...structuredClone(owner.spec.template.spec), nodeName: 'node-0' },
        status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] } });
    for (const { metadata, spec } of owner.spec.volumeClaimTemplates ?? []) {
        const claim = `${metadata.name}-${name}`;
        if (!find('persistentvolumeclaims', namespace, claim))
            put('persistentvolumeclaims', { apiVersion: 'v1', kind: 'PersistentVolumeClaim',
                metadata: { name: claim, namespace }, spec });
    }
}

const contents = ({ metadata: { annotations }, spec }) =>
    JSON.stringify([annotations, { ...spec, nodeName: undefined }]);
const isReady = (pod) => pod.status.conditions[0].status === 'True';

// As many as are wanted, numbered; each is replaced when the template has changed.
function control(plural, owner) {
    const { name, namespace, generation } = owner.metadata;
    const count = owner.spec.replicas ?? 1;
    const template = contents(owner.spec.template);
    const numberOf = (pod) => Number(pod.metadata.name.slice(name.length + 1));
    for (let at = 0; at < count; at++)
        if (!find('pods', namespace, `${name}-${at}`))
            makePod(owner, `${name}-${at}`);
    settlePods();
    const pods = all('pods', namespace).filter((pod) => pod.metadata.name.startsWith(`${name}-`));
    const fresh = pods.filter((pod) => contents(pod) === template && numberOf(pod) < count);
    pods.filter((pod) => !fresh.includes(pod)).forEach((pod) => end(pod));
    const ready = fresh.filter(isReady).length;
    const updateRevision = `${generation}`;
    const isOver = ready === count && pods.length === count;
    const currentRevision = isOver ? updateRevision : owner.status?.currentRevision ?? '';
    const status = { observedGeneration: generation, replicas: pods.length, readyReplicas: ready,
        availableReplicas: ready, updatedReplicas: fresh.length, currentReplicas: fresh.length,
        currentRevision, updateRevision };
    if (JSON.stringify(status) === JSON.stringify(owner.status))
        return;
    owner.status = status;
    put(plural, owner);
}
function controlAll() {
    for (const plural of ['statefulsets', 'deployments'])
        all(plural).forEach((owner) => control(plural, owner));
}
function gone(pod) {
    if (store.get(keyOf('pods', pod)) !== pod)
        return;
    drop('pods', pod);
    controlAll();
}
// Not in the second in which it was asked for: kubectl tells two restarts apart by the second,
// and a page's next one would not be one.
const untilNextSecond = () => 1000 - Date.now() % 1000;
function end(pod, ms = untilNextSecond() + GOES_MS) {
    if (pod.metadata.deletionTimestamp)
        return;
    pod.metadata.deletionTimestamp = new Date().toISOString();
    setTimeout(gone, ms, pod);
}

// ---- requests -------------------------------------------------------------------------

class Refusal extends Error {
    constructor(code, reason, message) {
        super(message);
        Object.assign(this, { code, reason });
    }
}

// Lists of named things are merged by name, as a strategic merge does.
function merge(into, patch) {
    if (Array.isArray(patch) && Array.isArray(into) && patch.every((one) => one?.name)) {
        const merged = [...into];
        for (const one of patch) {
            const at = merged.findIndex(({ name }) => name === one.name);
            if (one.$patch === 'delete')
                merged.splice(at, at < 0 ? 0 : 1);
            else if (at < 0)
                merged.push(one);
            else
                merged[at] = merge(merged[at], one);
        }
        return merged;
    }
    if (patch === null || typeof patch !== 'object' || Array.isArray(patch))
        return patch;
    const merged = { ...into };
    for (const [key, value] of Object.entries(patch))
        if (value === null)
            delete merged[key];
        else if (!key.startsWith('$'))
            merged[key] = merge(merged[key] ?? (Array.isArray(value) ? [] : {}), value);
    return merged;
}

// What nobody may change once it is there.
const fixed = {
    statefulsets: ['selector', 'serviceName', 'podManagementPolicy', 'volumeClaimTemplates'],
    deployments: ['selector'],
};
function checkSize({ metadata: { name }, spec }, before) {
    const [to, from] = [spec, before.spec].map(({ resources }) => quantity(resources.requests.storage));
    if (to < from)
        throw new Refusal(422, 'Invalid', `${name}: a claim does not shrink`);
}
function write(kind, object, before) {
    if (before && kind.plural === 'persistentvolumeclaims')
        checkSize(object, before);
    for (const field of before ? fixed[kind.plural] ?? [] : [])
        if (JSON.stringify(object.spec[field]) !== JSON.stringify(before.spec[field]))
            throw new Refusal(422, 'Invalid', `${object.metadata.name}: ${field} is immutable`);
    object.metadata.generation = (before?.metadata.generation ?? 0) + 1;
    put(kind.plural, object);
    controlAll();
    return object;
}

function scaleOf({ metadata: { name, namespace, resourceVersion, uid }, spec }) {
    return { apiVersion: 'autoscaling/v1', kind: 'Scale',
        metadata: { name, namespace, resourceVersion, uid }, spec: { replicas: spec.replicas ?? 1 },
        status: { replicas: spec.replicas ?? 1 } };
}

function matches(object, query) {
    const labels = object.metadata.labels ?? {};
    const wanted = (query.get('labelSelector') ?? '').split(',').filter(Boolean);
    const name = /^metadata\.name=(.*)$/.exec(query.get('fieldSelector') ?? '')?.[1];
    return (!name || object.metadata.name === name) && wanted.every((one) => {
        const [, key, not, value] = /^([^!=]+)(!?)==?(.*)$/.exec(one);
        return (labels[key] === value) !== (not === '!');
    });
}

function watch(kind, namespace, query, response) {
    const send = (type, plural, object) => {
        if (plural === kind.plural && matches(object, query) &&
            (namespace === undefined || object.metadata.namespace === namespace))
            response.write(`${JSON.stringify({ type, object })}\n`);
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const isFromNow = Number(query.get('resourceVersion') ?? 0) === 0;
    const isList = query.get('sendInitialEvents') === 'true';
    if (isFromNow || isList)
        all(kind.plural, namespace).forEach((object) => send('ADDED', kind.plural, object));
    if (isList)
        response.write(`${JSON.stringify({ type: 'BOOKMARK', object: {
            apiVersion: kind.groupVersion, kind: kind.kind, metadata: {
                resourceVersion: String(version),
                annotations: { 'k8s.io/initial-events-end': 'true' } } } })}\n`);
    watchers.add(send);
    all('pods').filter((pod) => pod.metadata.deletionTimestamp && matches(pod, query))
        .forEach((pod) => setTimeout(gone, GOES_MS, pod));
    response.on('close', () => watchers.delete(send));
}

// What CSI does later, the claim pending for ever: a volume is at least as large as the snapshot
// that it begins with, and of its driver, here of its class.
function checkSource(namespace, { name }, { storageClassName, resources }) {
    const { status } = find('volumesnapshots', namespace, name) ?? {};
    if (!status)
        throw new Refusal(422, 'Invalid', `no snapshot ${name}`);
    if (quantity(resources.requests.storage) < quantity(status.restoreSize))
        throw new Refusal(422, 'Invalid', `smaller than snapshot ${name}: ${status.restoreSize}`);
    if (storageClassName !== status.storageClassName)
        throw new Refusal(422, 'Invalid', `snapshot ${name} is of ${status.storageClassName}`);
}
function complete(kind, namespace, { spec }) {
    if (kind.plural === 'persistentvolumeclaims' && spec.dataSource)
        checkSource(namespace, spec.dataSource, spec);
    if (kind.plural !== 'volumesnapshots')
        return {};
    const claim = find('persistentvolumeclaims', namespace, spec.source.persistentVolumeClaimName);
    return claim ? { status: { storageClassName: claim.spec.storageClassName,
        restoreSize: claim.spec.resources.requests.storage } } : {};
}

function create(kind, namespace, body) {
    const object = { ...body, metadata: { ...body.metadata } };
    if (kind.namespaced) {
        if (!find('namespaces', '', namespace))
            throw new Refusal(404, 'NotFound', `namespaces "${namespace}" not found`);
        object.metadata.namespace = namespace;
    }
    if (find(kind.plural, object.metadata.namespace, object.metadata.name))
        throw new Refusal(409, 'AlreadyExists', `${kind.plural} "${object.metadata.name}" already exists`);
    return write(kind, Object.assign(object, complete(kind, namespace, object)));
}

function remove(kind, object, options) {
    if (kind.plural === 'pods')
        end(object, WATCHED_MS);
    else
        drop(kind.plural, object);
    if (fixed[kind.plural] && options?.propagationPolicy !== 'Orphan')
        all('pods', object.metadata.namespace).filter(({ metadata: { name } }) =>
            name.startsWith(`${object.metadata.name}-`)).forEach((pod) => end(pod));
    controlAll();
    return object;
}

function serve(method, kind, namespace, [name, part], query, body) {
    if (!name)
        return method === 'POST' ? create(kind, namespace, body) : {
            apiVersion: kind.groupVersion, kind: `${kind.kind}List`,
            metadata: { resourceVersion: String(version) },
            items: all(kind.plural, kind.namespaced ? namespace : undefined)
                .filter((object) => matches(object, query)),
        };
    const object = find(kind.plural, kind.namespaced ? namespace : '', name);
    if (!object && method === 'APPLY')
        return create(kind, namespace, body);
    if (!object)
        throw new Refusal(404, 'NotFound', `${kind.plural} "${name}" not found`);
    if (part === 'scale' && method !== 'GET')
        return scaleOf(write(kind, merge(object, { spec: { replicas: body.spec.replicas } }), object));
    if (method === 'PATCH' || method === 'APPLY')
        return write(kind, merge(object, body), object);
    if (method === 'DELETE')
        return remove(kind, object, body);
    return part === 'scale' ? scaleOf(object) : object;
}

// ---- what kubectl asks first ----------------------------------------------------------

const groupVersions = [...new Set(kinds.map(({ groupVersion }) => groupVersion))];
const rootOf = (groupVersion) => groupVersion === 'v1' ? 'api/v1' : `apis/${groupVersion}`;

function resources(groupVersion) {
    const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion,
        resources: kinds.filter((kind) => kind.groupVersion === groupVersion).flatMap(
            ({ plural, kind, namespaced, shortNames }) => [
                { name: plural, singularName: kind.toLowerCase(), namespaced, kind, verbs, shortNames },
                ...groupVersion === 'apps/v1' ? [{ name: `${plural}/scale`, singularName: '',
                    namespaced, group: 'autoscaling', version: 'v1', kind: 'Scale', verbs }] : [],
            ]) };
}
function groups() {
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupVersions
        .filter((one) => one.includes('/')).map((groupVersion) => {
            const [name, only] = groupVersion.split('/');
            const preferred = { groupVersion, version: only };
            return { name, versions: [preferred], preferredVersion: preferred };
        }) };
}
// That the server checks fields itself; it does not.
function openapi(groupVersion) {
    const [group, only] = groupVersion.includes('/') ? groupVersion.split('/') : ['', groupVersion];
    const parameters = [{ name: 'fieldValidation', in: 'query', schema: { type: 'string' } }];
    return { openapi: '3.0.0', info: { title: 'api', version: '1' }, components: { schemas: {} },
        paths: Object.fromEntries(kinds.filter((kind) => kind.groupVersion === groupVersion).map(
            ({ kind, plural }) => [`/${rootOf(groupVersion)}/${plural}/{name}`, { patch: { parameters,
                responses: {}, 'x-kubernetes-group-version-kind': { group, version: only, kind } } }])) };
}
function discover(path) {
    if (path === '/version')
        return { major: '1', minor: '35', gitVersion: 'v1.35.0' };
    if (path === '/api')
        return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
    if (path === '/apis')
        return groups();
    if (path === '/openapi/v3')
        return { paths: Object.fromEntries(groupVersions.map((one) =>
            [rootOf(one), { serverRelativeURL: `/openapi/v3/${rootOf(one)}` }])) };
    const groupVersion = groupVersions.find((one) => path.endsWith(`/${rootOf(one)}`));
    if (!groupVersion)
        return undefined;
    return path.startsWith('/openapi/') ? openapi(groupVersion) : resources(groupVersion);
}

function answer(request, response, body) {
    const { pathname, searchParams } = new URL(request.url, 'http://api');
    const discovered = discover(pathname);
    if (discovered)
        return discovered;
    const groupVersion = groupVersions.find((one) => pathname.startsWith(`/${rootOf(one)}/`));
    const rest = pathname.slice(`/${rootOf(groupVersion ?? 'v1')}/`.length).split('/');
    const isInside = rest[0] === 'namespaces' && rest.length > 2;
    const namespace = isInside ? rest.splice(0, 2)[1] : undefined;
    const kind = kinds.find((one) => one.groupVersion === groupVersion && one.plural === rest[0]);
    if (!kind)
        throw new Refusal(404, 'NotFound', `${request.method} ${pathname}: no such thing here`);
    if (searchParams.get('watch'))
        return watch(kind, namespace, searchParams, response);
    const isApply = request.headers['content-type'] === 'application/apply-patch+yaml';
    return serve(isApply ? 'APPLY' : request.method, kind, namespace, rest.slice(1), searchParams, body);
}

// `kubectl create configmap` says it in protobuf: name, and pairs of texts.
function fields(bytes) {
    const found = [];
    let at = 0;
    const number = () => {
        let value = 0;
        for (let shift = 0; ; shift += 7) {
            value += (bytes[at] & 127) * 2 ** shift;
            if (bytes[at++] < 128)
                return value;
        }
    };
    while (at < bytes.length) {
        const tag = number(), value = number();
        if (tag % 8 === 0) // a number itself; else the size of what follows
            continue;
        found.push([tag >> 3, bytes.subarray(at, at + value)]);
        at += value;
    }
    return found;
}
const field = (bytes, number) => fields(bytes).find(([at]) => at === number)?.[1];
function readConfigMap(bytes) {
    const object = field(bytes.subarray(4), 2); // behind the envelope's magic, its kind
    const data = fields(object).filter(([number]) => number === 2).map(([, pair]) =>
        [1, 2].map((part) => field(pair, part).toString()));
    return { apiVersion: 'v1', kind: 'ConfigMap', data: Object.fromEntries(data),
        metadata: { name: field(field(object, 1), 1).toString() } };
}

function read(request, bytes) {
    if (bytes.length === 0)
        return undefined;
    return request.headers['content-type'] === 'application/vnd.kubernetes.protobuf'
        ? readConfigMap(bytes) : JSON.parse(bytes);
}

function reply(request, response, bytes) {
    try {
        const found = answer(request, response, read(request, bytes));
        if (!found)
            return; // a watch
        response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(found));
    } catch (error) {
        const { code = 500, reason = 'InternalError', message } = error;
        response.writeHead(code, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure',
            code, reason, message }));
    }
}

put('nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-0' }, spec: {} });
const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (bytes) => chunks.push(bytes));
    request.on('end', () => reply(request, response, Buffer.concat(chunks)));
});
server.listen(0, '127.0.0.1', () => writeFileSync(process.argv[2], String(server.address().port)));
