/* point.c - a service ends itself with SIGKILL at the nth passage of a named point.
 *
 * Linked into what MODE=kill builds. Every function is a point, entered and left, because
 * the compiler tells us of both (-finstrument-functions); so is every FAULT of fault.h,
 * none of which happens here. KILL_FILE names the file in which the test says which point
 * it is to be (points.h), as often as it likes while the service runs.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/fault.h"
#include "tests/chaos/points.h"

#define PLAIN __attribute__((no_instrument_function))

void __cyg_profile_func_enter(void *function, void *caller) PLAIN;
void __cyg_profile_func_exit(void *function, void *caller) PLAIN;

static struct points *points;
static _Atomic uint32_t serial; /* of the point that is looked for */
static _Atomic uint32_t left;
static void *_Atomic function_sought;
static _Atomic int fault_sought = -1;
static atomic_bool is_leaving;

PLAIN __attribute__((constructor)) static void find_file(void)
{
    const char *path = getenv("KILL_FILE");
    int file = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped =
        mmap(NULL, sizeof *points, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED)
        points = mapped;
}

PLAIN static int find_fault(const char *name)
{
    static const char *const names[] = {
#define NAME(fault) #fault,
        FAULT_LIST(NAME)
#undef NAME
    };
    for (int i = 0; i < FAULT_COUNT; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

PLAIN static void look(uint32_t newest)
{
    char name[POINTS_NAME];
    uint32_t expected = serial;
    if (!atomic_compare_exchange_strong(&serial, &expected, newest))
        return; /* another thread looks */
    memcpy(name, points->name, sizeof name);
    name[POINTS_NAME - 1] = 0;
    size_t size = strlen(name);
    is_leaving = size > 0 && name[size - 1] == '.';
    if (is_leaving)
        name[size - 1] = 0;
    fault_sought = find_fault(name);
    left = points->nth;
    function_sought = points->nth != 0 ? dlsym(RTLD_DEFAULT, name) : NULL;
    if (points->nth != 0 && fault_sought < 0 && function_sought == NULL)
        points->unknown = newest;
}

PLAIN static void pass(void)
{
    if (left != 0 && atomic_fetch_sub(&left, 1) == 1)
        kill(getpid(), SIGKILL);
}

PLAIN static bool is_armed(void)
{
    if (points == NULL)
        return false;
    uint32_t newest = points->serial;
    if (newest != serial)
        look(newest);
    return left != 0;
}

void __cyg_profile_func_enter(void *function, void *caller)
{
    (void)caller;
    if (is_armed() && function == function_sought && !is_leaving)
        pass();
}

void __cyg_profile_func_exit(void *function, void *caller)
{
    (void)caller;
    if (is_armed() && function == function_sought && is_leaving)
        pass();
}

PLAIN bool fault_happens(enum fault_name name)
{
    if (is_armed() && fault_sought == (int)name)
        pass();
    return false;
}
