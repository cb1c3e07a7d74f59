#include "shared/rcu.h"

#if UNDER_TSAN
char rcu_promise;
char rcu_published;
#endif
