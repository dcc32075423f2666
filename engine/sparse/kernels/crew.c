#include "crew.h"

#include <stdlib.h>

enum { MOST_HELPERS = 63 };

struct ebb_crew {
  ebb_pool pool;
  int helpers;
  pthread_t threads[MOST_HELPERS];
};

typedef struct {
  ebb_pool* pool;
  int index;
} helper;

static void* help(void* argument) {
  const helper self = *(helper*)argument;
  free(argument);
  ebb_pool_help(self.pool, self.index);
  return NULL;
}

ebb_crew* ebb_crew_create(ebb_kernels kernels) {
  ebb_crew* crew = aligned_alloc(64, (sizeof(ebb_crew) + 63) / 64 * 64);
  if (crew == NULL) return NULL;
  ebb_pool_init(&crew->pool, kernels);
  crew->helpers = 0;
  return crew;
}

static void start_helpers(ebb_crew* crew, int wanted) {
  while (crew->helpers < wanted && crew->helpers < MOST_HELPERS) {
    helper* argument = malloc(sizeof *argument);
    if (argument == NULL) return;
    *argument = (helper){.pool = &crew->pool, .index = crew->helpers};
    if (pthread_create(&crew->threads[crew->helpers], NULL, help, argument) != 0) {
      free(argument);
      return;
    }
    crew->helpers += 1;
  }
}

void ebb_crew_run(ebb_crew* crew, const ebb_job* job, int threads) {
  start_helpers(crew, threads - 1);
  ebb_pool_run(&crew->pool, job, threads);
}

void ebb_crew_destroy(ebb_crew* crew) {
  ebb_pool_end(&crew->pool);
  for (int i = 0; i < crew->helpers; i += 1) pthread_join(crew->threads[i], NULL);
  ebb_pool_destroy(&crew->pool);
  free(crew);
}
