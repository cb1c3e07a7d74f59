/* The files of control/api/page and the API's description (control/api/openapi.yaml, and the JSON that
 * the build makes of it), put into the program by scripts/cmake/embed.cmake. */
#ifndef CONTROL_API_PAGE_FILES_H
#define CONTROL_API_PAGE_FILES_H

#include <stddef.h>

extern const unsigned char page_index_html[];
extern const size_t page_index_html_size;
extern const unsigned char page_page_css[];
extern const size_t page_page_css_size;
extern const unsigned char page_page_js[];
extern const size_t page_page_js_size;
extern const unsigned char page_docs_html[];
extern const size_t page_docs_html_size;
extern const unsigned char page_docs_js[];
extern const size_t page_docs_js_size;
extern const unsigned char page_openapi_yaml[];
extern const size_t page_openapi_yaml_size;
extern const unsigned char page_openapi_json[];
extern const size_t page_openapi_json_size;

#endif
